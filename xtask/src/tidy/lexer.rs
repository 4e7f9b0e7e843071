//! Just enough of Rust's lexical grammar to tell code from comments and strings.

/// A source text split by kind. Both halves have the lines of the whole.
pub(crate) struct Split {
    /// The code; comments and the insides of strings are blank.
    pub(crate) code: String,
    /// The comments; everything else is blank.
    pub(crate) comments: String,
}

/// Splits a source text.
pub(crate) fn split(text: &str) -> Split {
    let mut lexer = Lexer {
        rest: text,
        out: Split {
            code: String::with_capacity(text.len()),
            comments: String::new(),
        },
    };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.out
}

struct Lexer<'t> {
    rest: &'t str,
    out: Split,
}

#[derive(Clone, Copy)]
enum Kind {
    Code,
    Comment,
    Text,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.take(rest.find('\n').unwrap_or(rest.len()), Kind::Comment);
        } else if rest.starts_with("/*") {
            self.take(block_comment(rest), Kind::Comment);
        } else if let Some(length) = raw_string(rest) {
            self.take(length, Kind::Text);
        } else if rest.starts_with('"') {
            self.take(string(rest), Kind::Text);
        } else if let Some(length) = character(rest) {
            self.take(length, Kind::Text);
        } else {
            // An identifier is taken whole, so that the `r` of `for"` starts no raw string.
            let word = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            let first = rest.chars().next().map_or(1, char::len_utf8);
            self.take(word.max(first), Kind::Code);
        }
    }

    fn take(&mut self, length: usize, kind: Kind) {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.rest = rest;
        for c in taken.chars() {
            let (code, comment) = match kind {
                _ if c == '\n' => ('\n', '\n'),
                Kind::Code => (c, ' '),
                Kind::Comment => (' ', c),
                Kind::Text => (' ', ' '),
            };
            self.out.code.push(code);
            self.out.comments.push(comment);
        }
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(here) = rest.get(at..) {
        if here.is_empty() {
            break;
        } else if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn raw_string(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r')?;
    let hashes = body.bytes().take_while(|b| *b == b'#').count();
    let inner = body.get(hashes..)?.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inner.find(&close)? + close.len();
    Some(rest.len() - inner.len() + end)
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let mut chars = inner.char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        let after = inner.get(2..)?;
        return Some(after.find('\'')? + 4);
    }
    let (at, next) = chars.next()?;
    (next == '\'').then_some(at + 2)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn strings_and_comments_are_not_code() {
        let text =
            "fn a<'x>() { \"}\\\"\"; '{'; '\\''; r#\"}\"}\"#; b\"{\" } // }\n/* { /* } */ */ z";
        let split = split(text);
        assert_eq!(split.code.matches('{').count(), 1, "{}", split.code);
        assert_eq!(split.code.matches('}').count(), 1, "{}", split.code);
        assert!(split.code.ends_with('z'));
        assert_eq!(split.code.lines().count(), text.lines().count());
        assert!(split.comments.contains("// }"));
    }
}
