//! Follows the frames of a WebSocket by their headers alone (RFC 6455 section 5.2): nothing is
//! held, unmasked or understood beyond lengths.

use doorward_core::policy::WebSocketBounds;

/// Where in a frame the next byte belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// It begins a frame.
    Boundary,
    /// It says whether there is a mask, and the length or where to find it.
    Length { first: u8 },
    /// So many bytes of a longer length are to come.
    Longer { first: Head, left: u8, length: u64 },
    /// So many bytes of the mask are to come, then the payload.
    Mask { left: u8, length: u64 },
    /// So many bytes of the payload are to come.
    Payload(u64),
}

/// What the first two bytes of a frame say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head {
    first: u8,
    masked: bool,
}

impl Head {
    const fn is_last(self) -> bool {
        self.first & 0x80 != 0
    }

    const fn is_control(self) -> bool {
        self.first & 0x08 != 0
    }
}

/// Why frames are not passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Breach {
    /// The frame or its message is larger than the rule allows.
    TooBig,
    /// The length is not one (RFC 6455 section 5.2: the most significant bit must be 0).
    NoLength,
}

impl Breach {
    /// The status code of the closing frame (RFC 6455 section 7.4.1).
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::TooBig => 1009,
            Self::NoLength => 1002,
        }
    }
}

/// Follows one direction of a WebSocket.
#[derive(Clone)]
pub(super) struct FrameReader {
    at: At,
    /// The payload of the present message so far.
    message: u64,
    bounds: WebSocketBounds,
}

impl FrameReader {
    pub(super) const fn new(bounds: WebSocketBounds) -> Self {
        Self {
            at: At::Boundary,
            message: 0,
            bounds,
        }
    }

    /// Tells whether the next byte begins a frame.
    pub(super) fn is_at_boundary(&self) -> bool {
        self.at == At::Boundary
    }

    /// Follows bytes.
    ///
    /// # Errors
    /// The first [`Breach`]. The reader is of no use afterwards.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(), Breach> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = self.step(rest)?;
        }
        Ok(())
    }

    /// How many of these bytes belong to the present frame.
    pub(super) fn left_of_frame(&self, bytes: &[u8]) -> usize {
        let mut ahead = self.clone();
        let mut rest = bytes;
        while !rest.is_empty() && !ahead.is_at_boundary() {
            match ahead.step(rest) {
                Ok(later) => rest = later,
                Err(_) => return bytes.len(),
            }
        }
        bytes.len() - rest.len()
    }

    /// Follows a byte of a header, or as much of a payload as there is; returns what is left.
    fn step<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Breach> {
        if let At::Payload(left) = self.at {
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let left = left.saturating_sub(u64::try_from(here).unwrap_or(left));
            self.at = after_mask(left);
            return Ok(bytes.get(here..).unwrap_or(&[]));
        }
        let Some((&byte, rest)) = bytes.split_first() else {
            return Ok(bytes);
        };
        self.at = match self.at {
            At::Boundary => At::Length { first: byte },
            At::Length { first } => {
                let masked = byte & 0x80 != 0;
                let first = Head { first, masked };
                let longer = |left| At::Longer {
                    first,
                    left,
                    length: 0,
                };
                match byte & 0x7f {
                    126 => longer(2),
                    127 => longer(8),
                    length => self.begin(first, u64::from(length))?,
                }
            }
            At::Longer {
                first,
                left,
                length,
            } => {
                let length = (length << 8) | u64::from(byte);
                match left {
                    ..=1 => self.begin(first, length)?,
                    _ => At::Longer {
                        first,
                        left: left - 1,
                        length,
                    },
                }
            }
            At::Mask { left: ..=1, length } => after_mask(length),
            At::Mask { left, length } => At::Mask {
                left: left - 1,
                length,
            },
            At::Payload(left) => At::Payload(left),
        };
        Ok(rest)
    }

    /// Judges a frame whose length is known.
    fn begin(&mut self, head: Head, length: u64) -> Result<At, Breach> {
        if length > u64::MAX / 2 {
            return Err(Breach::NoLength);
        }
        let over = |bound: Option<u64>, size: u64| bound.is_some_and(|bound| size > bound);
        if over(self.bounds.max_frame, length) {
            return Err(Breach::TooBig);
        }
        if !head.is_control() {
            // SECURITY: only the end of a message ends the count: a second beginning does not.
            self.message = self.message.saturating_add(length);
            if over(self.bounds.max_message, self.message) {
                return Err(Breach::TooBig);
            }
            if head.is_last() {
                self.message = 0;
            }
        }
        Ok(if head.masked {
            At::Mask { left: 4, length }
        } else {
            after_mask(length)
        })
    }
}

const fn after_mask(length: u64) -> At {
    match length {
        0 => At::Boundary,
        left => At::Payload(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of a caller.
    fn frame(first: u8, payload: usize) -> Vec<u8> {
        let mut out = vec![first];
        match payload {
            ..126 => out.push(0x80 | u8::try_from(payload).unwrap()),
            126..65_536 => {
                out.push(0x80 | 126);
                out.extend(u16::try_from(payload).unwrap().to_be_bytes());
            }
            _ => {
                out.push(0x80 | 127);
                out.extend(u64::try_from(payload).unwrap().to_be_bytes());
            }
        }
        out.extend([1, 2, 3, 4]);
        out.extend(std::iter::repeat_n(0x81, payload));
        out
    }

    fn bounds(frame: Option<u64>, message: Option<u64>) -> WebSocketBounds {
        WebSocketBounds {
            max_frame: frame,
            max_message: message,
            idle: None,
        }
    }

    /// Follows bytes in pieces of one size; where it found a breach, if it did.
    fn follow(bounds: WebSocketBounds, bytes: &[u8], size: usize) -> Result<FrameReader, Breach> {
        let mut reader = FrameReader::new(bounds);
        for piece in bytes.chunks(size) {
            reader.follow(piece)?;
        }
        Ok(reader)
    }

    #[test]
    fn r109_frames_are_followed_however_their_bytes_arrive() {
        for payload in [0, 1, 125, 126, 65_535, 65_536, 70_000] {
            let two = [frame(0x82, payload), frame(0x89, 5)].concat();
            for size in [1, 2, 3, 7, 4096, two.len()] {
                let open = bounds(Some(70_000), Some(70_000));
                assert!(follow(open, &two, size).unwrap().is_at_boundary());
                let cut = follow(open, &two[..two.len() - 1], size).unwrap();
                assert!(!cut.is_at_boundary());
                assert_eq!(cut.left_of_frame(&[9, 9, 9]), 1);
                if payload > 5 {
                    let less = u64::try_from(payload - 1).unwrap();
                    for tight in [bounds(Some(less), None), bounds(None, Some(less))] {
                        assert_eq!(follow(tight, &two, size).err(), Some(Breach::TooBig));
                    }
                }
            }
        }
    }

    #[test]
    fn r109_a_message_is_counted_over_all_of_its_frames() {
        let bounds = bounds(None, Some(100));
        let good = [
            frame(0x01, 40),
            frame(0x89, 125),
            frame(0x00, 40),
            frame(0x80, 20),
            frame(0x81, 100),
        ];
        assert!(follow(bounds, &good.concat(), 1).is_ok());
        // Without an end, and with a new beginning where none may be.
        for second in [0x00, 0x01, 0x82] {
            let bad = [frame(0x01, 60), frame(second, 41)].concat();
            assert_eq!(follow(bounds, &bad, 1).err(), Some(Breach::TooBig));
        }
    }

    #[test]
    fn r109_a_length_with_its_highest_bit_is_none() {
        let bytes = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1];
        let found = follow(bounds(None, None), &bytes, 1);
        assert_eq!(found.err().map(Breach::code), Some(1002));
    }
}
