//! Percent-encoding (RFC 3986 section 2.1), as terminators put PEM texts into headers.

/// Decodes percent-encoding; a plus sign stands for itself, as in base64.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            out.push(*first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_at_checked(2)?;
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let mut both = digits.iter().map(digit);
        let value = both.next()?? * 16 + both.next()??;
        out.push(u8::try_from(value).ok()?);
        rest = after;
    }
    Some(out)
}
