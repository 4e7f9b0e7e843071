//! The MD5 password hash of FreeBSD (`$1$`) and Apache (`$apr1$`), for imported files only.

use md5::{Digest as _, Md5};

use super::sha_crypt::crypt64;

/// The order in which the digest's bytes are written.
const ORDER: [usize; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

/// Computes the 22 characters that follow the salt.
pub(super) fn hash(magic: &str, salt: &[u8], password: &[u8]) -> String {
    let mut digest = first_round(magic, salt, password);
    for round in 0..1000_u32 {
        let mut context = Md5::new();
        let odd = round % 2 == 1;
        context.update(if odd { password } else { &digest });
        if round % 3 != 0 {
            context.update(salt);
        }
        if round % 7 != 0 {
            context.update(password);
        }
        context.update(if odd { &digest } else { password });
        digest = context.finalize().into();
    }
    crypt64(&digest, &ORDER)
}

fn first_round(magic: &str, salt: &[u8], password: &[u8]) -> [u8; 16] {
    let inner: [u8; 16] = Md5::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize()
        .into();
    let mut context = Md5::new()
        .chain_update(password)
        .chain_update(magic)
        .chain_update(salt);
    for chunk in password.chunks(16) {
        context.update(inner.get(..chunk.len()).unwrap_or(&inner));
    }
    let mut bits = password.len();
    while bits > 0 {
        let first = password.get(..1).unwrap_or_default();
        context.update(if bits & 1 == 1 { &[0] } else { first });
        bits >>= 1;
    }
    context.finalize().into()
}
