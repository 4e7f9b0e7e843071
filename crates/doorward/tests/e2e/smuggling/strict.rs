//! The strict reading of HTTP/1 that everything is compared with (RFC 9112). It reads what every
//! server reads alike, and ends where servers may differ.

/// A request that has come to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Whole {
    pub(super) method: String,
    /// The path, without authority and query.
    pub(super) path: String,
    /// Bytes of content.
    pub(super) length: usize,
    /// The decision that it names.
    pub(super) decision: Option<String>,
}

/// Why a reading ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// More may come.
    Open,
    /// Here servers may differ.
    Doubtful,
}

/// Reads requests from the beginning of a connection; what was read and how many bytes it took.
pub(super) fn read(bytes: &[u8]) -> (Vec<Whole>, usize, End) {
    let mut reader = Reader { bytes, at: 0 };
    let mut whole = Vec::new();
    loop {
        let before = reader.at;
        match reader.request() {
            Ok(request) => whole.push(request),
            Err(end) => return (whole, before, end),
        }
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn request(&mut self) -> Result<Whole, End> {
        let mut first = self.line()?;
        while first.is_empty() {
            first = self.line()?;
        }
        let (method, path, version) = request_line(&first).ok_or(End::Doubtful)?;
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            fields.push(field(&line).ok_or(End::Doubtful)?);
        }
        let all = |name: &str| -> Vec<&str> {
            let found = fields.iter().filter(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str()).collect()
        };
        let length = match (&all("transfer-encoding")[..], &all("content-length")[..]) {
            ([], []) => 0,
            ([], [length]) if length.len() > 1 && length.starts_with('0') => {
                return Err(End::Doubtful);
            }
            ([], [length]) => self.skip(digits(length, 10)?)?,
            ([coding], []) if coding.eq_ignore_ascii_case("chunked") && version == 1 => {
                self.chunks()?
            }
            _ => return Err(End::Doubtful),
        };
        Ok(Whole {
            method,
            path,
            length,
            decision: all("x-doorward-decision").first().map(|id| (*id).into()),
        })
    }

    fn chunks(&mut self) -> Result<usize, End> {
        let mut length = 0;
        loop {
            let line = self.line()?;
            if line.iter().any(|b| b.is_ascii_control() && *b != b'\t') {
                return Err(End::Doubtful);
            }
            let size = line.split(|b| *b == b';').next().unwrap();
            let size = digits(&String::from_utf8_lossy(size), 16)?;
            if size == 0 {
                break;
            }
            length += self.skip(size)?;
            if !self.line()?.is_empty() {
                return Err(End::Doubtful);
            }
        }
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(length);
            }
            field(&line).ok_or(End::Doubtful)?;
        }
    }

    fn skip(&mut self, length: usize) -> Result<usize, End> {
        if self.bytes.len() - self.at < length {
            return Err(End::Open);
        }
        self.at += length;
        Ok(length)
    }

    /// A line, which ends with CR LF and holds no other of them, and no NUL.
    fn line(&mut self) -> Result<Vec<u8>, End> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| *b == b'\n').ok_or(End::Open)?;
        let line = rest[..end].strip_suffix(b"\r").ok_or(End::Doubtful)?;
        if line.iter().any(|b| matches!(b, b'\r' | 0)) {
            return Err(End::Doubtful);
        }
        self.at += end + 1;
        Ok(line.to_vec())
    }
}

fn digits(text: &str, radix: u32) -> Result<usize, End> {
    let legal = !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    let value = legal.then(|| usize::from_str_radix(text, radix).ok());
    value.flatten().ok_or(End::Doubtful)
}

fn request_line(line: &[u8]) -> Option<(String, String, u8)> {
    let text = str::from_utf8(line).ok()?;
    let [method, target, version] = text.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let version = match version {
        "HTTP/1.1" => 1,
        "HTTP/1.0" => 0,
        _ => return None,
    };
    if !is_token(method) || target.is_empty() || !target.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let path = path.split('?').next().unwrap_or(path);
    Some((method.into(), path.into(), version))
}

fn field(line: &[u8]) -> Option<(String, String)> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, value) = line.split_at(colon);
    let name = str::from_utf8(name).ok().filter(|name| is_token(name))?;
    let value = &value[1..];
    if value
        .iter()
        .any(|b| (*b < 0x20 && *b != b'\t') || *b == 0x7f)
    {
        return None;
    }
    let value = String::from_utf8_lossy(value);
    let value = value.trim_matches([' ', '\t']);
    Some((name.to_lowercase(), value.to_owned()))
}

fn is_token(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(legal)
}

#[test]
fn r103_the_strict_reading_reads_what_is_plain_and_nothing_else() {
    let good = b"POST /a?q HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n0\r\nA: b\r\n\r\n\
        \r\nGET http://h/b HTTP/1.1\r\nX:\r\n\r\nPUT / HTTP/1.0\r\ncontent-length: 3 \r\n\r\nabcGET";
    let (whole, taken, end) = read(good);
    let seen: Vec<_> = whole.iter().map(|w| (&*w.path, w.length)).collect();
    assert_eq!(seen, [("/a", 2), ("/b", 0), ("/", 3)]);
    assert_eq!((taken, end), (good.len() - 3, End::Open));
    for bad in [
        "GET / HTTP/1.1\n\r\n",
        "GET /  HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    ] {
        assert_eq!(
            read(bad.as_bytes()),
            (Vec::new(), 0, End::Doubtful),
            "{bad:?}"
        );
    }
}
