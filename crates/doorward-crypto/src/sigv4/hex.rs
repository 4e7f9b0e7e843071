//! Lower-case hexadecimal, the only spelling of digests and signatures.

const DIGITS: [u8; 16] = *b"0123456789abcdef";

/// Writes bytes.
pub(super) fn write(bytes: &[u8]) -> String {
    let digit = |nibble: u8| {
        let digit = DIGITS.get(usize::from(nibble & 15)).copied();
        char::from(digit.unwrap_or(b'0'))
    };
    let both = |byte: &u8| [digit(byte >> 4), digit(*byte)];
    bytes.iter().flat_map(both).collect()
}

/// Reads 32 bytes; `None` for any other text.
pub(super) fn read(text: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let digit = |digit: u8| DIGITS.iter().position(|known| *known == digit);
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
    }
    Some(bytes)
}
