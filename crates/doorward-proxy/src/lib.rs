//! Data plane of Doorward: listeners, TLS, reverse proxy, identity headers.
