use doorward_core::Secret;
use doorward_crypto::hash::htpasswd::{Htpasswd, HtpasswdError, Mistake};
use doorward_crypto::hash::key_digest::PepperError;
use doorward_crypto::hash::{
    Argon2Params, KeyDigest, PasswordHash, PasswordHashError, Pepper, PepperId, Peppers,
    hash_argon2id,
};

use crate::material::Seeded;

const PASSWORD: &str = "correct horse";
const LONG: &str =
    "Pässwörd with a length of more than sixty-four bytes to cross the block of SHA-512";

/// Made with `htpasswd` and `openssl passwd`.
const BCRYPT: &str = "$2y$05$Nr15bz4sjLr9.97SXSrglOUXB7fNQwMioeZ/UNeQ7ZiMb1VNbAIJy";
const APR1: &str = "$apr1$GhLg14xG$X44DsUjF21pWmhBHG7kl0/";
const SHA1: &str = "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=";
const MD5: &str = "$1$saltsalt$NuzA7WTAelpl95xgBGWN60";
const SHA256: &str = "$5$rJ6mg9kpq8U2Cssn$AwixPOkseK3yAUijbtCTWJb7E2LX/9bg4eObMMHdj39";
const SHA512: &str = "$6$COzdc8EIfxglqVZd$cjfHyUN/vfn.hIHHz7LDlWEoZjpaAzw7QILesyP9J6xA0KCb.yIjiwkTvnGedY4wFc/ZAmYku71cntwFL3r0t1";
const SHA512_ROUNDS: &str = "$6$rounds=1000$abcdefgh$DbXqPck5ABZumVXwcH5eMVHsPZwvQ3jylSxpJmKkZVxcoCiC3N0rPerjHmAqL7r6PK6CIeYnO9.vxpbsevscg/";
const LONG_SHA256: &str =
    "$5$rounds=10000$abcdefghijklmnop$7uBuwINyGRmPqYjyha7GP7gAFl9vRd0VcZcwRiup0rD";
const LONG_SHA512: &str =
    "$6$abc$Y6h/ZpE7HgoAJA7tPVu0LE6Vo7FPjF2S275t5mwGyS0feYIc2ouTpurq4l8iCJddACFNTzp2phksWFvY2Nb.k.";
const LONG_APR1: &str = "$apr1$abc$dotqKi.yADTYOjHVQd32s1";
const EMPTY_APR1: &str = "$apr1$abc$BfqKdn9xFDWJPa3kcp/PH0";

fn hash(text: &str) -> PasswordHash {
    PasswordHash::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> PasswordHashError {
    PasswordHash::parse(text).expect_err(text)
}

#[test]
fn hashes_of_other_tools_are_verified() {
    for text in [BCRYPT, APR1, SHA1, MD5, SHA256, SHA512, SHA512_ROUNDS] {
        let hash = hash(text);
        assert!(hash.verify(PASSWORD.as_bytes()), "{text}");
        for wrong in [
            "",
            "correct hors",
            "correct horse ",
            "Correct horse",
            "correct horse\0",
        ] {
            assert!(!hash.verify(wrong.as_bytes()), "{text} {wrong:?}");
        }
        assert!(hash.needs_upgrade(Argon2Params::default()));
    }
    for text in [LONG_SHA256, LONG_SHA512, LONG_APR1] {
        assert!(hash(text).verify(LONG.as_bytes()), "{text}");
        assert!(!hash(text).verify(&LONG.as_bytes()[1..]), "{text}");
    }
    assert!(hash(EMPTY_APR1).verify(b"") && !hash(EMPTY_APR1).verify(b"a"));
}

#[test]
fn bcrypt_under_its_three_names_is_one_algorithm() {
    for magic in ["$2a$", "$2b$", "$2y$"] {
        assert!(hash(&BCRYPT.replace("$2y$", magic)).verify(PASSWORD.as_bytes()));
    }
    assert_eq!(
        refused(&BCRYPT.replace("$2y$", "$2x$")),
        PasswordHashError::Unknown
    );
}

#[test]
fn r027_passwords_with_nul_or_beyond_the_limit_never_match() {
    let cut = bcrypt::hash_with_salt("x".repeat(73), 4, [7; 16])
        .unwrap()
        .to_string();
    assert!(
        bcrypt::verify("x".repeat(99), &cut).unwrap(),
        "bcrypt itself cuts at 72"
    );
    assert!(hash(&cut).verify("x".repeat(72).as_bytes()));
    assert!(!hash(&cut).verify("x".repeat(73).as_bytes()));
    // bcrypt repeats the password with a NUL after it, so these two are one to it.
    let twin = format!("{PASSWORD}\0{PASSWORD}");
    assert!(bcrypt::verify(&twin, BCRYPT).unwrap());
    assert!(!hash(BCRYPT).verify(twin.as_bytes()));
    for text in [BCRYPT, APR1, SHA1, SHA256] {
        assert!(
            !hash(text).verify(format!("{PASSWORD}\0tail").as_bytes()),
            "{text}"
        );
        assert!(!hash(text).verify(&vec![b'a'; 10 << 10]), "{text}");
        assert!(!hash(text).verify(b"\xff\xfe"), "{text}");
    }
}

#[test]
fn argon2id_round_trip() {
    let params = Argon2Params::default();
    let entropy = Seeded::new(1);
    for password in [PASSWORD.as_bytes(), b"", b"nul\0inside", &[b'x'; 1024]] {
        let text = hash_argon2id(password, params, &entropy).unwrap();
        assert!(
            text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        assert!(hash(&text).verify(password));
        assert!(!hash(&text).verify(b"nul"));
        assert!(!hash(&text).needs_upgrade(params));
        assert!(hash(&text).needs_upgrade(Argon2Params::new(19_457, 2, 1).unwrap()));
    }
    let twice = [0, 1].map(|_| hash_argon2id(b"a", params, &entropy).unwrap());
    assert_ne!(twice[0], twice[1]);
    let long = hash_argon2id(&[b'x'; 1025], params, &entropy);
    assert_eq!(long, Err(PasswordHashError::TooLong));
}

#[test]
fn argon2id_of_the_reference_tool_is_verified() {
    // `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32` of the reference tests.
    let text =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert!(hash(text).verify(b"password"));
    assert!(!hash(text).verify(b"Password"));
}

#[test]
fn costs_outside_the_bounds_are_refused() {
    let argon = |costs: &str| {
        format!("$argon2id$v=19${costs}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
    };
    for costs in [
        "m=262145,t=2,p=1",
        "m=4294967295,t=1,p=1",
        "m=65536,t=11,p=1",
        "m=65536,t=2,p=17",
        "m=7,t=2,p=1",
        "m=8,t=1,p=2",
    ] {
        assert_eq!(refused(&argon(costs)), PasswordHashError::Cost, "{costs}");
    }
    for costs in [
        "m=65536,t=2",
        "m=65536,t=2,p=1,x=1",
        "t=2,m=65536,p=1",
        "m=+65536,t=2,p=1",
        "m=065536,t=2,p=1",
        "m=99999999999,t=2,p=1",
        "m=65536,t=0,p=1",
        "",
    ] {
        assert_eq!(
            refused(&argon(costs)),
            PasswordHashError::Malformed,
            "{costs}"
        );
    }
    assert_eq!(
        refused(&BCRYPT.replace("$05$", "$15$")),
        PasswordHashError::Cost
    );
    assert_eq!(
        refused(&BCRYPT.replace("$05$", "$31$")),
        PasswordHashError::Cost
    );
    assert_eq!(
        refused(&BCRYPT.replace("$05$", "$03$")),
        PasswordHashError::Cost
    );
    assert_eq!(
        refused(&BCRYPT.replace("$05$", "$+5$")),
        PasswordHashError::Malformed
    );
    for rounds in ["999", "1000001", "999999999"] {
        let text = SHA512_ROUNDS.replace("rounds=1000$", &format!("rounds={rounds}$"));
        assert_eq!(refused(&text), PasswordHashError::Cost, "{rounds}");
    }
    assert!(Argon2Params::new(19_456, 2, 1).is_ok());
    for (m, t, p) in [
        (19_455, 2, 1),
        (19_456, 1, 1),
        (19_456, 2, 0),
        (300_000, 2, 1),
        (19_456, 11, 1),
    ] {
        assert_eq!(Argon2Params::new(m, t, p), Err(PasswordHashError::Params));
    }
}

#[test]
fn malformed_hashes_are_refused() {
    for text in [
        &BCRYPT[..59],
        "$2y$05$",
        "$2y$",
        "$apr1$",
        "$apr1$$X44DsUjF21pWmhBHG7kl0/",
        "$apr1$123456789$X44DsUjF21pWmhBHG7kl0/",
        &APR1[..36],
        "$5$",
        "$5$$AwixPOkseK3yAUijbtCTWJb7E2LX/9bg4eObMMHdj39",
        "$6$salt$short",
        "{SHA}",
        "{SHA}AAAA",
        "$argon2id$",
        "$6$rounds=5000",
        "$1$a$b",
        "$2y$05$\u{e9}r15bz4sjLr9.97SXSrglOUXB7fNQwMioeZ/UNeQ7ZiMb1VNbAIJ",
        "$2y$0\u{e9}",
    ] {
        assert_eq!(refused(text), PasswordHashError::Malformed, "{text}");
    }
    for text in [
        "",
        "secret",
        "correct horse",
        "{SSHA}x",
        "{PLAIN}x",
        "$argon2i$v=19$m=8,t=1,p=1$a$b",
        "$7$x",
        "$y$j9T$x",
        "*",
        "!",
    ] {
        assert_eq!(refused(text), PasswordHashError::Unknown, "{text}");
    }
    assert_eq!(refused("eW.h2OnDY/zIM"), PasswordHashError::DesCrypt);
}

#[test]
fn htpasswd_files_are_read_with_comments() {
    let file = format!(
        "\u{feff}# staff\r\nalice:{BCRYPT}\r\n\r\n  \nbob:{APR1}:the builder\n#carol:x\nd e:{SHA1}"
    );
    let users = Htpasswd::parse(&file).unwrap();
    assert_eq!(
        users.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["alice", "bob", "d e"]
    );
    assert!(users.lookup("bob").unwrap().verify(PASSWORD.as_bytes()));
    assert!(users.lookup("Alice").is_none() && users.lookup("carol").is_none());
    assert!(!format!("{users:?}").contains("Nr15bz"));
}

#[test]
fn htpasswd_mistakes_have_line_numbers() {
    let file = format!(
        "alice:{SHA1}\n\nno colon\n:{SHA1}\nbob:eW.h2OnDY/zIM\ncarol:hunter2\nalice:{APR1}\nx\u{7}:{SHA1}\ndave:"
    );
    let mistakes = Htpasswd::parse(&file).unwrap_err();
    let at = |line, mistake| HtpasswdError { line, mistake };
    assert_eq!(
        mistakes,
        [
            at(3, Mistake::NoColon),
            at(4, Mistake::Name),
            at(5, Mistake::Hash(PasswordHashError::DesCrypt)),
            at(6, Mistake::Hash(PasswordHashError::Unknown)),
            at(7, Mistake::Duplicate(1)),
            at(8, Mistake::Name),
            at(9, Mistake::Hash(PasswordHashError::Unknown)),
        ]
    );
    let said = mistakes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        said.starts_with("line 3: ") && !said.contains("hunter2"),
        "{said}"
    );
}

fn pepper(id: &str, byte: u8) -> Pepper {
    Pepper::new(PepperId::parse(id).unwrap(), &Secret::new([byte; 32]))
}

#[test]
fn r021_digests_depend_on_key_and_pepper() {
    let old = Peppers::new(pepper("2025", 1), vec![]).unwrap();
    let (id, stored) = old.digest(b"dw_sk_live_x");
    assert_eq!(id.as_str(), "2025");
    let new = Peppers::new(pepper("2026", 2), vec![pepper("2025", 1)]).unwrap();
    let found: Vec<_> = new.candidates(b"dw_sk_live_x").collect();
    assert_eq!(
        found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
        ["2026", "2025"]
    );
    assert_ne!(found[0].1, stored);
    assert_eq!(found[1].1, stored);
    assert_eq!(KeyDigest::from_bytes(*stored.as_bytes()), stored);
    assert_ne!(old.digest(b"dw_sk_live_y").1, stored);
    assert_eq!(format!("{stored:?}"), "KeyDigest(..)");
}

#[test]
fn pepper_ids_are_distinct_words() {
    let twins = Peppers::new(pepper("a", 1), vec![pepper("b", 2), pepper("a", 3)]);
    assert_eq!(twins.err(), Some(PepperError::Duplicate("a".to_owned())));
    for bad in ["", "a b", "é", &"x".repeat(33)] {
        assert_eq!(PepperId::parse(bad), Err(PepperError::Id));
    }
}
