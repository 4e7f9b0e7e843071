//! Taking a credential out of a query before it is passed on.

use http::uri::{InvalidUri, PathAndQuery};

/// Takes a parameter out of a target, however its name is written; the target is unchanged when
/// the parameter is not there or no name is given.
///
/// # Errors
/// [`InvalidUri`] when what is left is no target, which cannot happen to a canonical one.
pub fn without_parameter(
    target: PathAndQuery,
    name: Option<&str>,
) -> Result<PathAndQuery, InvalidUri> {
    let (Some(name), Some(query)) = (name, target.query()) else {
        return Ok(target);
    };
    if !query.split(['&', ';']).any(|pair| is_named(pair, name)) {
        return Ok(target);
    }
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.split(';').any(|part| is_named(part, name)))
        .collect();
    let mut text = String::with_capacity(target.as_str().len());
    text.push_str(target.path());
    if !kept.is_empty() {
        text.push('?');
        text.push_str(&kept.join("&"));
    }
    PathAndQuery::try_from(text)
}

/// Finds what stands before the `=` of every part that [`without_parameter`] would take out, as it
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
        if wanted.next() != Some(byte) {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{spellings_of_parameter, without_parameter};

    #[test]
    fn r120_a_key_in_the_query_is_named_as_it_is_written() {
        let target = "/a?x=1;api_key=s&api%5Fkey=s&y=2&api_key".parse().unwrap();
        let found = spellings_of_parameter(&target, "api_key");
        assert_eq!(found, ["x", "api%5Fkey", "api_key"]);
        assert!(spellings_of_parameter(&target, "z").is_empty());
    }

    #[test]
    fn r120_a_key_in_the_query_is_taken_out_however_it_is_written() {
        for (sent, kept) in [
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
            let target = without_parameter(sent.parse().unwrap(), Some("api_key")).unwrap();
            assert_eq!(target.as_str(), kept, "{sent}");
        }
    }
}
