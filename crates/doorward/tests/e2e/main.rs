//! The real binary, called with curl, in front of servers that we did not write.
//!
//! Python with httpbin, gunicorn, websockets, PyJWT and cryptography is found through
//! `DOORWARD_TEST_PYTHON`; `.ci/run` makes such a one. Tests that need it and do not find it say
//! so and pass.

#![cfg(test)]

mod acme;
mod attacks;
mod bad_input;
mod bodies;
mod canary;
mod cli;
mod client_certificates;
mod curl;
mod door;
mod fronts;
mod issuer;
mod jwks;
mod limits;
mod live_changes;
mod matrix;
mod mint;
mod objects;
mod peer;
mod sign_in;
mod signatures;
mod signing;
mod sigv4;
mod smuggling;
mod streams;
mod tls_profile;
mod upstreams;
mod wait;
