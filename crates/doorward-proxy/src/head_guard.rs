//! A second pair of eyes on HTTP/1 framing (RFC 9112 section 11.2).
//!
//! The parser behind us settles some ambiguities in silence: of Transfer-Encoding and
//! Content-Length it keeps the first, of equal lengths it keeps one, it takes a bare LF for a
//! line's end and cuts a fragment off. Another server may settle them differently, so they are
//! refused. The guard follows the framing of each message, looks at heads line by line and skips
//! bodies by count.

use memchr::memchr;

/// What the parser is handed where a head is refused: no head may hold it.
pub(crate) const POISON: &[u8] = b"\0\r\n\r\n";

/// The longest chunk-size line, in bytes.
const MAX_CHUNK_LINE: usize = 4096;

/// Follows the requests of one connection.
pub(crate) struct HeadGuard {
    at: At,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    framing: Framing,
    max_line: usize,
}

/// Where in a message the next byte belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    RequestLine,
    HeaderLine,
    /// Inside a body or chunk, with so many bytes to go.
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    /// The parser gives up before it gets here.
    Lost,
}

/// What a head has said about its body so far.
#[derive(Clone, Copy, Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
}

/// Something that two servers may read differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Finding;

impl HeadGuard {
    /// A guard for a new connection; `max_line` is the largest head that the parser accepts.
    pub(crate) fn new(max_line: usize) -> Self {
        Self {
            at: At::RequestLine,
            partial: Vec::new(),
            framing: Framing::default(),
            max_line,
        }
    }

    /// Looks at bytes before the parser does.
    ///
    /// # Errors
    /// How many of them may be handed over, when something was found in the rest.
    pub(crate) fn look(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let done = bytes.len() - rest.len();
            rest = match self.at {
                At::Lost => return Ok(()),
                At::Body(left) => skip(rest, left, &mut self.at, At::Body, At::RequestLine),
                At::Chunk(left) => skip(rest, left, &mut self.at, At::Chunk, At::ChunkEnd),
                At::RequestLine | At::HeaderLine | At::ChunkSize | At::ChunkEnd | At::Trailer => {
                    self.take_line(rest).map_err(|Finding| done)?
                }
            };
        }
        Ok(())
    }

    /// Takes one line, or the beginning of one; returns what follows.
    fn take_line<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Finding> {
        let Some(end) = memchr(b'\n', bytes) else {
            self.partial.extend_from_slice(bytes);
            let bound = match self.at {
                At::ChunkSize | At::ChunkEnd => MAX_CHUNK_LINE,
                _ => self.max_line,
            };
            if self.partial.len() > bound {
                if self.at == At::ChunkSize || self.at == At::ChunkEnd {
                    return Err(Finding);
                }
                // The parser refuses a head of this size, and closes.
                self.at = At::Lost;
            }
            return Ok(&[]);
        };
        let (line, rest) = bytes.split_at(end + 1);
        if self.partial.is_empty() {
            self.judge(line)?;
        } else {
            let mut whole = std::mem::take(&mut self.partial);
            whole.extend_from_slice(line);
            self.judge(&whole)?;
            whole.clear();
            self.partial = whole;
        }
        Ok(rest)
    }

    /// Judges one whole line and moves on.
    fn judge(&mut self, line: &[u8]) -> Result<(), Finding> {
        // A bare LF ends a line for some servers only.
        let line = line.strip_suffix(b"\r\n").ok_or(Finding)?;
        self.at = match self.at {
            At::RequestLine if line.is_empty() => At::RequestLine,
            At::RequestLine => {
                if memchr(b'#', line).is_some() || line.starts_with(b" ") {
                    return Err(Finding);
                }
                self.framing = Framing::default();
                At::HeaderLine
            }
            At::HeaderLine if line.is_empty() => self.framing.body()?,
            At::HeaderLine => {
                self.framing.note(line)?;
                At::HeaderLine
            }
            At::ChunkSize => match chunk_size(line)? {
                0 => At::Trailer,
                size => At::Chunk(size),
            },
            At::ChunkEnd if line.is_empty() => At::ChunkSize,
            At::ChunkEnd => return Err(Finding),
            At::Trailer if line.is_empty() => At::RequestLine,
            At::Trailer => {
                name_of(line)?;
                At::Trailer
            }
            // No lines there.
            At::Body(_) | At::Chunk(_) | At::Lost => At::Lost,
        };
        Ok(())
    }
}

/// Skips up to `left` bytes.
fn skip<'b>(bytes: &'b [u8], left: u64, at: &mut At, same: fn(u64) -> At, next: At) -> &'b [u8] {
    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    let left = left.saturating_sub(u64::try_from(here).unwrap_or(left));
    *at = if left == 0 { next } else { same(left) };
    bytes.get(here..).unwrap_or(&[])
}

impl Framing {
    /// Notes what a header line says about the body.
    fn note(&mut self, line: &[u8]) -> Result<(), Finding> {
        let (name, value) = name_of(line)?;
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let value = value.trim_ascii();
                // SECURITY: some servers read a number that begins with 0 as an octal one.
                let octal = value.len() > 1 && value.starts_with(b"0");
                if self.length.is_some() || octal || !value.iter().all(u8::is_ascii_digit) {
                    return Err(Finding);
                }
                let text = str::from_utf8(value).map_err(|_| Finding)?;
                self.length = Some(text.parse().map_err(|_| Finding)?);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Finding);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Where the message goes on after its head.
    const fn body(self) -> Result<At, Finding> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Finding),
            (true, None) => Ok(At::ChunkSize),
            (false, None | Some(0)) => Ok(At::RequestLine),
            (false, Some(length)) => Ok(At::Body(length)),
        }
    }
}

/// Takes a header line apart. A fold, or space around the name, is read differently by
/// different servers (RFC 9112 sections 5.1 and 5.2).
fn name_of(line: &[u8]) -> Result<(&[u8], &[u8]), Finding> {
    let colon = memchr(b':', line).ok_or(Finding)?;
    let (name, value) = line.split_at(colon);
    let edges = [name.first(), name.last()];
    if edges
        .iter()
        .any(|edge| edge.is_none_or(u8::is_ascii_whitespace))
    {
        return Err(Finding);
    }
    Ok((name, value.get(1..).unwrap_or(&[])))
}

/// The most digits of a chunk's size. Who reads fewer, cuts some off or counts anew.
const MAX_SIZE_DIGITS: usize = 16;

/// The size of a chunk: hex digits, and nothing else before an extension, which is text.
fn chunk_size(line: &[u8]) -> Result<u64, Finding> {
    let end = memchr(b';', line).unwrap_or(line.len());
    let (digits, extension) = line.split_at(end);
    if digits.is_empty()
        || digits.len() > MAX_SIZE_DIGITS
        || !digits.iter().all(u8::is_ascii_hexdigit)
        || extension
            .iter()
            .any(|b| b.is_ascii_control() && *b != b'\t')
    {
        return Err(Finding);
    }
    let text = str::from_utf8(digits).map_err(|_| Finding)?;
    u64::from_str_radix(text, 16).map_err(|_| Finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds bytes in pieces; returns what the parser would have been handed, and whether
    /// something was found.
    fn feed(bytes: &[u8], sizes: impl Iterator<Item = usize>) -> (Vec<u8>, bool) {
        let mut guard = HeadGuard::new(32 * 1024);
        let mut handed = Vec::new();
        let mut rest = bytes;
        for size in sizes {
            let (piece, later) = rest.split_at(size.clamp(1, rest.len().max(1)).min(rest.len()));
            match guard.look(piece) {
                Ok(()) => handed.extend_from_slice(piece),
                Err(keep) => {
                    handed.extend_from_slice(&piece[..keep]);
                    return (handed, true);
                }
            }
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        (handed, false)
    }

    const GOOD: &[&str] = &[
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nGET /\n\r\n#:\0 ",
        "POST / HTTP/1.1\r\ncontent-length:0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\n\n#\r\n \r\n0\r\nX: y\r\n\r\n",
        "PUT / HTTP/1.1\r\nX:\r\nY: :\r\nTransfer-Encoding:chunked\r\n\r\n0\r\n\r\n",
    ];

    const BAD: &[&str] = &[
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\n X: a\r\n\r\n",
        "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nX\r\n\r\n",
        "GET /#a HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;\0\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;\rx\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000005\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 010\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n",
    ];

    #[test]
    fn r103_findings_do_not_depend_on_how_the_bytes_arrive() {
        for size in [1, 2, 3, 7, 1000] {
            let pieces = || std::iter::repeat(size);
            for good in GOOD {
                for next in GOOD {
                    let both = [good.as_bytes(), next.as_bytes()].concat();
                    assert_eq!(feed(&both, pieces()), (both.clone(), false), "{good:?}");
                }
                for bad in BAD {
                    let both = [good.as_bytes(), bad.as_bytes()].concat();
                    let (handed, found) = feed(&both, pieces());
                    assert!(found, "{bad:?} in pieces of {size}");
                    assert!(handed.len() < both.len() && handed.len() >= good.len());
                }
            }
        }
    }

    #[test]
    fn g32_a_line_without_an_end_is_not_kept() {
        let mut guard = HeadGuard::new(1000);
        for _ in 0..1_000_000 / 64 {
            guard.look(&[b'a'; 64]).unwrap();
        }
        assert!(guard.partial.capacity() < 4096);
        let mut guard = HeadGuard::new(1000);
        guard
            .look(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;")
            .unwrap();
        assert!((0..1000).any(|_| guard.look(&[b'a'; 64]).is_err()));
    }
}
