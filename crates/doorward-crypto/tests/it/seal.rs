use doorward_core::{Entropy, Secret};
use doorward_crypto::digest::{ProcessKey, sha256};
use doorward_crypto::entropy::OsEntropy;
use doorward_crypto::jose::{SigningKey, SigningKeyError};
use doorward_crypto::seal::{SealError, SealingKey};

use crate::material::Seeded;

fn sealing(byte: u8) -> SealingKey {
    SealingKey::new(&Secret::new([byte; 32])).unwrap()
}

#[test]
fn what_is_sealed_opens_for_its_key_and_context_only() {
    let sealed = sealing(1)
        .seal("row/7", b"secret", &OsEntropy::new())
        .unwrap();
    assert_eq!(
        sealing(1).open("row/7", &sealed).unwrap().expose(),
        b"secret"
    );
    assert_eq!(
        sealing(2).open("row/7", &sealed).err(),
        Some(SealError::Refused)
    );
    assert_eq!(
        sealing(1).open("row/8", &sealed).err(),
        Some(SealError::Refused)
    );
    assert_ne!(
        sealed,
        sealing(1)
            .seal("row/7", b"secret", &OsEntropy::new())
            .unwrap()
    );
}

#[test]
fn every_changed_bit_and_length_is_refused() {
    let sealed = sealing(1).seal("c", b"secret", &Seeded::new(0)).unwrap();
    for at in 0..sealed.len() {
        let mut other = sealed.clone();
        other[at] ^= 0x10;
        assert!(sealing(1).open("c", &other).is_err(), "byte {at}");
        assert!(sealing(1).open("c", &sealed[..at]).is_err(), "length {at}");
    }
    assert!(sealing(1).open("c", &[sealed, vec![0]].concat()).is_err());
}

#[test]
fn a_signing_key_survives_sealing() {
    let entropy = Seeded::new(1);
    let key = SigningKey::generate(&entropy).unwrap();
    let sealed = key.seal(&sealing(1), &entropy).unwrap();
    let again = SigningKey::unseal(&sealing(1), key.kid(), &sealed).unwrap();
    assert_eq!(again.public_jwk(), key.public_jwk());
    assert_eq!(again.kid().len(), 43);
    assert_eq!(
        SigningKey::unseal(&sealing(1), "other", &sealed).err(),
        Some(SigningKeyError::Sealed(SealError::Refused))
    );
    assert!(!sealed.windows(32).any(|w| w == [0; 32]));
    let text = key.public_jwk().to_string();
    assert!(!text.contains("\"d\""), "{text}");
}

#[test]
fn generated_keys_differ_and_depend_on_the_entropy() {
    let kid = |seed| {
        SigningKey::generate(&Seeded::new(seed))
            .unwrap()
            .kid()
            .to_owned()
    };
    assert_eq!(kid(1), kid(1));
    assert_ne!(kid(1), kid(2));
    let random = OsEntropy::new();
    let (mut a, mut b) = ([0; 32], [0; 32]);
    random.fill(&mut a);
    random.fill(&mut b);
    assert_ne!(a, b);
}

#[test]
fn a_scalar_beyond_the_curve_is_never_a_key() {
    struct Ones;
    impl Entropy for Ones {
        fn fill(&self, into: &mut [u8]) {
            into.fill(0xff);
        }
    }
    assert_eq!(
        SigningKey::generate(&Ones).err(),
        Some(SigningKeyError::Failed)
    );
}

#[test]
fn digests_are_apart_by_key_and_domain() {
    assert_eq!(sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    let key = ProcessKey::generate(&Seeded::new(1));
    assert_eq!(key.digest("a", b"x"), key.digest("a", b"x"));
    assert_ne!(key.digest("a", b"x"), key.digest("b", b"x"));
    assert_ne!(key.digest("a", b"bx"), key.digest("ab", b"x"));
    assert_ne!(
        key.digest("a", b"x"),
        ProcessKey::generate(&Seeded::new(2)).digest("a", b"x")
    );
}
