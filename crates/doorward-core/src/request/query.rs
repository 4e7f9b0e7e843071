//! Taking a credential out of a query before it is passed on.

use http::uri::{InvalidUri, PathAndQuery};

use crate::policy::Guarded;

/// The parameters of a link that is signed in the style of AWS.
const PRESIGNED: [&str; 8] = [
    "X-Amz-Algorithm",
    "X-Amz-Content-Sha256",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// Takes out of a target the parameters in which a rule lets credentials come, however their
/// names are written; the target is unchanged when none is there.
///
/// # Errors
/// [`InvalidUri`] when what is left is no target, which cannot happen to a canonical one.
pub fn without_credentials(
    target: PathAndQuery,
    guarded: &Guarded,
) -> Result<PathAndQuery, InvalidUri> {
    let key = guarded.query_key.as_deref();
    let presigned = guarded.signing.presigned.is_some();
    if key.is_none() && !presigned {
        return Ok(target);
    }
    without(target, |part| {
        key.is_some_and(|name| is_named(part, name)) || (presigned && is_presigned_name(part))
    })
}

/// Tells whether a `name=value` pair belongs to a link that is signed in the style of AWS,
/// however its name is encoded and in whatever case.
#[must_use]
pub fn is_presigned_name(pair: &str) -> bool {
    PRESIGNED.iter().any(|name| is_like(pair, name))
}

fn without(
    target: PathAndQuery,
    ends_here: impl Fn(&str) -> bool,
) -> Result<PathAndQuery, InvalidUri> {
    let Some(query) = target.query() else {
        return Ok(target);
    };
    if !query.split(['&', ';']).any(&ends_here) {
        return Ok(target);
    }
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.split(';').any(&ends_here))
        .collect();
    let mut text = String::with_capacity(target.as_str().len());
    text.push_str(target.path());
    if !kept.is_empty() {
        text.push('?');
        text.push_str(&kept.join("&"));
    }
    PathAndQuery::try_from(text)
}

/// Finds what stands before the `=` of every part that [`without_credentials`] would take out, as it
/// is written: for a server that takes parameters out by their names.
#[must_use]
pub fn spellings_of_parameter(target: &PathAndQuery, name: &str) -> Vec<String> {
    let pairs = target
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'));
    let named = pairs.filter(|pair| pair.split(';').any(|part| is_named(part, name)));
    named
        .map(|pair| pair.split('=').next().unwrap_or(pair).to_owned())
        .collect()
}

/// Tells whether a `name=value` pair has a name, however it is encoded.
fn is_named(pair: &str, name: &str) -> bool {
    has_name(pair, name, |a, b| a == b)
}

fn is_like(pair: &str, name: &str) -> bool {
    has_name(pair, name, |a, b| a.eq_ignore_ascii_case(&b))
}

fn has_name(pair: &str, name: &str, same: impl Fn(u8, u8) -> bool) -> bool {
    let written = pair.split('=').next().unwrap_or(pair);
    let mut bytes = written.bytes();
    let mut wanted = name.bytes();
    loop {
        let byte = match bytes.next() {
            None => return wanted.next().is_none(),
            Some(b'+') => b' ',
            Some(b'%') => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or(0),
                    _ => return false,
                }
            }
            Some(byte) => byte,
        };
        if !wanted.next().is_some_and(|wanted| same(wanted, byte)) {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{spellings_of_parameter, without_credentials};
    use crate::policy::{Guarded, Signing};
    use crate::scope::ScopeSet;

    fn kept(sent: &str, key: Option<&str>, presigned: Option<Duration>) -> String {
        let guarded = Guarded {
            accepts: Vec::new(),
            scopes: ScopeSet::EMPTY,
            query_key: key.map(Into::into),
            signing: Signing {
                presigned,
                ..Signing::NOTHING
            },
        };
        let target = without_credentials(sent.parse().unwrap(), &guarded);
        target.unwrap().as_str().to_owned()
    }

    #[test]
    fn r120_a_key_in_the_query_is_named_as_it_is_written() {
        let target = "/a?x=1;api_key=s&api%5Fkey=s&y=2&api_key".parse().unwrap();
        let found = spellings_of_parameter(&target, "api_key");
        assert_eq!(found, ["x", "api%5Fkey", "api_key"]);
        assert!(spellings_of_parameter(&target, "z").is_empty());
    }

    #[test]
    fn r120_a_key_in_the_query_is_taken_out_however_it_is_written() {
        for (sent, left) in [
            ("/a?api_key=s", "/a"),
            ("/a?x=1&api_key=s&y=2", "/a?x=1&y=2"),
            ("/a?api%5Fkey=s&x=1", "/a?x=1"),
            ("/a?%61pi_key=s", "/a"),
            ("/a?api_key", "/a"),
            ("/a?x=1;api_key=s&y=2", "/a?y=2"),
            ("/a?api_keys=s", "/a?api_keys=s"),
            ("/a?x=api_key", "/a?x=api_key"),
            ("/a", "/a"),
        ] {
            assert_eq!(kept(sent, Some("api_key"), None), left, "{sent}");
        }
    }

    #[test]
    fn g09_the_signature_of_a_link_is_taken_out_where_links_are_taken() {
        let link = "/a?x=1&X-Amz-Signature=s&x%2damz-DATE=d&X-Amz-SignedHeaders=host&X-Amz-Other=1";
        let hour = Some(Duration::from_secs(3600));
        assert_eq!(kept(link, None, None), link);
        assert_eq!(kept(link, None, hour), "/a?x=1&X-Amz-Other=1");
        assert_eq!(kept("/a?X-Amz-Date=d&k=1", Some("k"), hour), "/a");
    }
}
