//! Tests of the crate, in one binary.

#[cfg(test)]
mod api_key;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod hash;
#[cfg(test)]
mod json;
#[cfg(test)]
mod jwk;
#[cfg(test)]
mod jws;
#[cfg(test)]
mod material;
#[cfg(test)]
mod message_signature;
#[cfg(test)]
mod rfc;
#[cfg(test)]
mod seal;
#[cfg(test)]
mod sigv4;
#[cfg(test)]
mod structured_field;
#[cfg(test)]
mod vectors;
