//! What makes a request unreadable or ambiguous.

use thiserror::Error;

/// A request that is refused with 400 before any rule is looked up.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RequestFault {
    /// CONNECT, TRACE, or a method that is not spelled in upper case.
    #[error("the method is not accepted here")]
    MethodRefused,
    /// The target is not a path: `*`, or an authority.
    #[error("the request target is not a path")]
    TargetForm,
    /// `.` or `..`, plain or encoded.
    #[error("the path has dot segments")]
    DotSegment,
    /// `//`.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// An encoded separator, NUL, control character, `%`, `?`, `#` or `;`.
    #[error("the path encodes a character that servers read differently")]
    EncodedDelimiter,
    /// `;`, backslash, or a byte that is not allowed in a path.
    #[error("the path has a character that servers read differently")]
    RawDelimiter,
    /// `%` without two hex digits, or bytes that are not UTF-8.
    #[error("the path's percent-encoding is broken")]
    BrokenEncoding,
    /// A segment that ends in a dot or space, which some servers drop.
    #[error("a path segment ends in a dot or space")]
    TrailingDot,
    /// The path differs from a route in letter case only.
    #[error("the path differs from a route in letter case only")]
    PathCase,
    /// The path is not written in its canonical form, and somebody has looked at it already.
    #[error("the path is not spelled in its canonical form")]
    PathSpelling,
    /// The query has a raw control character or is not ASCII.
    #[error("the query has a character that is not allowed")]
    Query,
    /// No host, or one that is not a host.
    #[error("the host is missing or malformed")]
    Host,
    /// The host of the target and the Host header disagree.
    #[error("the request names two hosts")]
    TwoHosts,
    /// Transfer-Encoding or Content-Length that two servers may read differently.
    #[error("the message framing is ambiguous")]
    Framing,
    /// A header's name is not a token, which HTTP/1 could not carry.
    #[error("a header's name has a character that is not allowed")]
    HeaderName,
    /// The named header is there twice.
    #[error("the {0} header is there twice")]
    Duplicate(&'static str),
    /// `Connection` nominates a header that must not be dropped.
    #[error("the Connection header nominates a protected header")]
    ConnectionNominates,
    /// A front that the operator has not declared asks about a call.
    #[error("the server that asks is not one of the listener's trusted_peers")]
    PeerNotTrusted,
    /// The named part of the original request is not told by the front.
    #[error("the front does not tell the original request's {0}")]
    OriginalMissing(&'static str),
    /// The named part of the original request is told twice, or is not one.
    #[error("the original request's {0} is told twice or cannot be read")]
    OriginalMalformed(&'static str),
    /// Two headers tell the named part of the original request differently.
    #[error("two headers tell the original request's {0} differently")]
    OriginalContradiction(&'static str),
    /// A header is spelled so that some servers take it for one of ours.
    #[error("a header is spelled like one of Doorward's")]
    IdentityAlias,
    /// The host is not the one that the connection's handshake was for.
    #[error("the host is not the one that the TLS handshake asked for")]
    Misdirected,
}

impl RequestFault {
    /// Tells whether what is wrong is that there are two credentials.
    #[must_use]
    pub fn is_two_credentials(self) -> bool {
        matches!(self, Self::Duplicate("Authorization"))
    }

    /// A fixed code for records.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MethodRefused => "method_refused",
            Self::TargetForm => "target_form",
            Self::DotSegment => "path_dot_segment",
            Self::EmptySegment => "path_empty_segment",
            Self::EncodedDelimiter => "path_encoded_delimiter",
            Self::RawDelimiter => "path_raw_delimiter",
            Self::BrokenEncoding => "path_broken_encoding",
            Self::TrailingDot => "path_trailing_dot",
            Self::PathCase => "path_case",
            Self::PathSpelling => "path_spelling",
            Self::Query => "query_characters",
            Self::Host => "host_malformed",
            Self::TwoHosts => "two_hosts",
            Self::Framing => "message_framing",
            Self::HeaderName => "header_name",
            Self::Duplicate(_) => "duplicate_header",
            Self::ConnectionNominates => "connection_nominates",
            Self::PeerNotTrusted => "peer_not_trusted",
            Self::OriginalMissing(_) => "original_missing",
            Self::OriginalMalformed(_) => "original_malformed",
            Self::OriginalContradiction(_) => "original_contradiction",
            Self::IdentityAlias => "identity_alias",
            Self::Misdirected => "host_misdirected",
        }
    }
}
