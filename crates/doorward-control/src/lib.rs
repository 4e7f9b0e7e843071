//! Control plane HTTP of Doorward: health, metrics, JWKS.
