//! Path templates: `/orders/{id}/items/{*rest}`.

use std::fmt;

mod canonical;
mod error;

pub use error::{TemplateError, TemplateFault};

/// The most segments that a template may have.
pub(crate) const MAX_SEGMENTS: usize = 32;
/// The longest template that is accepted, in bytes.
const MAX_LEN: usize = 2048;
/// The longest parameter name, in bytes.
const MAX_NAME: usize = 64;

/// A parsed template. Literal segments are in the canonical form that requests are matched in.
///
/// `{name}` stands for exactly one segment. `{*name}`, only at the end, stands for any number of
/// segments, none included, so that `/admin/{*rest}` covers `/admin` and `/admin/` too and a
/// weaker rule cannot reach the index of a guarded tree. A slash at the end changes nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PathTemplate {
    segments: Vec<Segment>,
    trailing_slash: bool,
    text: Box<str>,
}

/// One part of a template between slashes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Segment {
    /// This text, in canonical form.
    Literal(Box<str>),
    /// Any one segment.
    Parameter(Box<str>),
    /// All that is left, possibly nothing.
    CatchAll(Box<str>),
}

impl PathTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// The first [`TemplateError`], with its position: also for a template that no canonical
    /// path can match.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let error = |at, fault| TemplateError::new(text, at, fault);
        if text.len() > MAX_LEN {
            return Err(error(MAX_LEN, TemplateFault::TooLong));
        }
        let Some(inner) = text.strip_prefix('/') else {
            return Err(error(0, TemplateFault::NoLeadingSlash));
        };
        let mut segments: Vec<Segment> = Vec::new();
        let mut at = 1;
        let mut trailing_slash = false;
        for part in inner.split('/') {
            let is_last = at + part.len() == text.len();
            if segments.len() >= MAX_SEGMENTS {
                return Err(error(at, TemplateFault::TooManySegments));
            }
            if matches!(segments.last(), Some(Segment::CatchAll(_))) {
                return Err(error(at, TemplateFault::AfterCatchAll));
            }
            match part {
                "" if is_last => trailing_slash = !segments.is_empty(),
                "" => return Err(error(at, TemplateFault::EmptySegment)),
                _ => {
                    let segment =
                        segment(part).map_err(|(offset, fault)| error(at + offset, fault))?;
                    if let Some(name) = segment.name()
                        && segments.iter().any(|other| other.name() == Some(name))
                    {
                        return Err(error(at, TemplateFault::NameTwice(name.to_owned())));
                    }
                    segments.push(segment);
                }
            }
            at += part.len() + 1;
        }
        Ok(Self {
            text: canonical_text(&segments, trailing_slash),
            segments,
            trailing_slash,
        })
    }

    /// The template in canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parts between slashes; none for `/`.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Tells whether it was written with a slash at the end; `/` itself was not.
    #[must_use]
    pub const fn has_trailing_slash(&self) -> bool {
        self.trailing_slash
    }
}

impl Segment {
    /// The parameter's name.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::CatchAll(name) => Some(name),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Parameter(name) => write!(f, "{{{name}}}"),
            Self::CatchAll(name) => write!(f, "{{*{name}}}"),
        }
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn canonical_text(segments: &[Segment], trailing_slash: bool) -> Box<str> {
    let mut text = String::new();
    for segment in segments {
        text.push('/');
        text.push_str(&segment.to_string());
    }
    if trailing_slash || segments.is_empty() {
        text.push('/');
    }
    text.into()
}

/// Parses one part; an error carries its byte offset in the part.
fn segment(part: &str) -> Result<Segment, (usize, TemplateFault)> {
    let Some(open) = part.find('{') else {
        if let Some(stray) = part.find('}') {
            return Err((stray, TemplateFault::StrayBrace));
        }
        if part.starts_with('*') || part.starts_with(':') {
            return Err((0, TemplateFault::OtherSyntax(part.to_owned())));
        }
        return canonical::literal(part).map(|text| Segment::Literal(text.into()));
    };
    let Some(close) = part.find('}') else {
        return Err((open, TemplateFault::Unclosed));
    };
    if open != 0 || close + 1 != part.len() {
        return Err((open, TemplateFault::PartOfSegment));
    }
    let inner = part.get(1..close).unwrap_or("");
    let (name, make): (_, fn(Box<str>) -> Segment) = match inner.strip_prefix('*') {
        Some(name) => (name, Segment::CatchAll),
        None => (inner, Segment::Parameter),
    };
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(legal) {
        return Err((1, TemplateFault::Name(name.to_owned())));
    }
    Ok(make(name.into()))
}

#[cfg(test)]
mod tests;
