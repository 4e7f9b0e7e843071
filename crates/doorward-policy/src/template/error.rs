//! What is wrong with a template, where, and what to write.

use doorward_core::request::RequestFault;
use thiserror::Error;

/// A template that is refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("path `{template}`, character {character}: {fault}")]
pub struct TemplateError {
    /// The template as written.
    pub template: String,
    /// The position of the fault, counted in characters from 1.
    pub character: usize,
    /// What is wrong.
    pub fault: TemplateFault,
}

/// What is wrong with a template.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateFault {
    /// No `/` at the start.
    #[error("a path starts with `/`")]
    NoLeadingSlash,
    /// More than 2048 bytes.
    #[error("the path is longer than 2048 bytes")]
    TooLong,
    /// More than 32 segments.
    #[error("the path has more than 32 segments; end it in a catch-all such as `{{*rest}}`")]
    TooManySegments,
    /// `//`.
    #[error("an empty segment never matches; remove one of the slashes")]
    EmptySegment,
    /// Something after a catch-all.
    #[error("nothing may follow a catch-all; move it to the end")]
    AfterCatchAll,
    /// `{` without `}`.
    #[error("the brace is not closed; write `{{name}}` or `{{*name}}`")]
    Unclosed,
    /// `}` without `{`.
    #[error("there is no opening brace; write `{{name}}`, or `%7D` for the character itself")]
    StrayBrace,
    /// `v{version}` or `{id}.json`.
    #[error("a parameter is a whole segment; write `/{{name}}/` and check the rest upstream")]
    PartOfSegment,
    /// `:id` or `*`.
    #[error(
        "`{0}` is how other tools write parameters; write `{{name}}` or `{{*name}}`, or `%3A` \
         and `%2A` for a segment that starts with the character itself"
    )]
    OtherSyntax(String),
    /// A name that is empty, too long or has other characters.
    #[error("`{0}` cannot name a parameter; use 1 to 64 letters, digits, `_`, `-` and `.`")]
    Name(String),
    /// Two parameters of one name.
    #[error("the parameter `{0}` is there twice; give each its own name")]
    NameTwice(String),
    /// `?` or `#`.
    #[error("a path has no query and no fragment; leave them out")]
    Query,
    /// A literal that no canonical path has.
    #[error("no request can match, because {0}; such requests are answered with 400")]
    NeverMatches(RequestFault),
}

impl TemplateError {
    /// Names a fault by its byte offset.
    pub(super) fn new(template: &str, at: usize, fault: TemplateFault) -> Self {
        let before = template.char_indices().take_while(|(byte, _)| *byte < at);
        Self {
            template: template.to_owned(),
            character: before.count() + 1,
            fault,
        }
    }
}
