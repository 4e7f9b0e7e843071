//! Reading DER (X.690), one element after the other.

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;

/// Reads elements one after the other. What is not in its shortest form is not read.
pub(crate) struct Reader<'d>(pub(crate) &'d [u8]);

impl<'d> Reader<'d> {
    /// Reads the next element, whatever its tag.
    pub(crate) fn any(&mut self) -> Option<(u8, &'d [u8])> {
        let (tag, rest) = self.0.split_first()?;
        // Tags of more than one byte: none of what is read here has one.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (len, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// Reads the content of the next element, which must have this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<&'d [u8]> {
        if self.0.first() != Some(&tag) {
            return None;
        }
        self.any().map(|(_, content)| content)
    }

    /// Reads the content of the next element if it has this tag.
    pub(crate) fn maybe(&mut self, tag: u8) -> Option<Option<&'d [u8]>> {
        if self.0.first() == Some(&tag) {
            self.take(tag).map(Some)
        } else {
            Some(None)
        }
    }

    /// The end, and nothing behind it.
    pub(crate) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Reads a length in its shortest form, of at most two bytes.
fn length(der: &[u8]) -> Option<(usize, &[u8])> {
    match der {
        [short @ 0..=0x7f, rest @ ..] => Some((usize::from(*short), rest)),
        [0x81, one @ 0x80..=0xff, rest @ ..] => Some((usize::from(*one), rest)),
        [0x82, high @ 1..=0xff, low, rest @ ..] => {
            Some((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        // Revocation lists are long.
        [0x83, high @ 1..=0xff, middle, low, rest @ ..] => {
            let bytes = [0, *high, *middle, *low];
            Some((usize::try_from(u32::from_be_bytes(bytes)).ok()?, rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;

    #[test]
    fn only_the_shortest_form_is_read() {
        for (der, content) in [
            (&[0x04, 0x01, 0xff][..], Some(&[0xff][..])),
            (&[0x04, 0x00], Some(&[])),
            (&[0x04, 0x81, 0x01, 0xff], None),
            (&[0x04, 0x82, 0x00, 0x01, 0xff], None),
            (&[0x04, 0x80, 0xff, 0x00, 0x00], None),
            (&[0x04, 0x02, 0xff], None),
            (&[0x1f, 0x01, 0xff], None),
            (&[], None),
        ] {
            assert_eq!(
                Reader(der).any().map(|(_, bytes)| bytes),
                content,
                "{der:x?}"
            );
        }
    }
}
