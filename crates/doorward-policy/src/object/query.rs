//! The one value of a query parameter.

use doorward_core::rejection::OwnerFault;

use super::name::same;

/// Finds the value of a parameter that must be there once, in one spelling.
///
/// # Errors
/// What is wrong with it.
pub(super) fn only(query: Option<&str>, wanted: &str) -> Result<String, OwnerFault> {
    let mut found = None;
    // SECURITY: some servers divide at semicolons as well; a parameter that only they see counts.
    for pair in query.unwrap_or_default().split(['&', ';']) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(&name.replace('+', " "))?;
        if name.contains('%') {
            // Who decodes twice reads another name.
            return Err(OwnerFault::Unreadable);
        }
        // `user[]` and `user[0]` add to `user` where brackets mean lists.
        let base = name.split('[').next().unwrap_or_default();
        if !same(base, wanted) {
            continue;
        }
        if name != wanted || found.replace(value).is_some() {
            return Err(OwnerFault::Doubled);
        }
    }
    let value = found.ok_or(OwnerFault::Absent)?;
    if value.contains('+') {
        // A space to some, a plus to others.
        return Err(OwnerFault::Unreadable);
    }
    decoded(value)
}

/// Decodes a percent-encoded text once.
///
/// # Errors
/// [`OwnerFault::Unreadable`] where an encoding is broken, or the bytes are not UTF-8.
pub(super) fn decoded(text: &str) -> Result<String, OwnerFault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(OwnerFault::Unreadable);
        };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|_| OwnerFault::Unreadable)
}

#[cfg(test)]
mod tests {
    use doorward_core::rejection::OwnerFault::{Absent, Doubled, Unreadable};

    use super::only;

    #[test]
    fn r096_a_parameter_is_there_once_in_one_spelling_or_refused() {
        for good in [
            "user=alice",
            "x=1&user=alice&y=%zz",
            "user=%61lice",
            "%75ser=alic%65",
            "user=alice&users=bob&use=r",
        ] {
            assert_eq!(only(Some(good), "user").as_deref(), Ok("alice"), "{good}");
        }
        for (query, fault) in [
            ("", Absent),
            ("x=1", Absent),
            ("user=alice&user=bob", Doubled),
            ("user=alice&user=alice", Doubled),
            ("user=alice&%75%73er=bob", Doubled),
            ("user=alice;user=bob", Doubled),
            ("x=1;user=bob&user=alice", Doubled),
            ("user=alice&User=bob", Doubled),
            ("USER=alice", Doubled),
            ("user=alice&user[]=bob", Doubled),
            ("user[0]=alice", Doubled),
            ("user=alice&user%5B%5D=bob", Doubled),
            ("user=alice&user%00=bob", Doubled),
            ("user=alice&u_ser=bob", Doubled),
            ("user=alice&%2575ser=bob", Unreadable),
            ("user=alice&%u0075ser=bob", Unreadable),
            ("user=alice&%c1%b5ser=bob", Unreadable),
            ("user=al+ice", Unreadable),
            ("user=%ff", Unreadable),
            ("user=%6", Unreadable),
        ] {
            assert_eq!(only(Some(query), "user"), Err(fault), "{query}");
        }
        assert_eq!(only(None, "user"), Err(Absent));
        assert_eq!(only(Some("user"), "user").as_deref(), Ok(""));
    }
}
