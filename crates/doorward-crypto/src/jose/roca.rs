//! RSA keys of the generator with the weakness called ROCA (CVE-2017-15361): their primes come
//! from the powers of 65537, and the private key can be worked out from the public one.

/// The primes whose product the generator used for its smallest keys and all larger ones.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
const GENERATOR: u32 = 65_537;

/// Tells whether a big-endian modulus is a power of 65537 modulo every one of the primes. A
/// sound key practically never is.
pub(crate) fn is_roca(n: &[u8]) -> bool {
    PRIMES
        .iter()
        .all(|prime| is_power(remainder(n, *prime), *prime))
}

fn remainder(n: &[u8], prime: u32) -> u32 {
    n.iter()
        .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}

fn is_power(wanted: u32, prime: u32) -> bool {
    let mut power = 1;
    (0..prime).any(|_| {
        let found = power == wanted;
        power = power * (GENERATOR % prime) % prime;
        found
    })
}
