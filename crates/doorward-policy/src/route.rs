//! One route as the operator declares it.

use std::fmt;
use std::sync::Arc;

use doorward_core::limit::Limit;
use doorward_core::policy::{Access, Binding, Cors, Forwarding};
use http::Method;
use thiserror::Error;

use crate::host::HostPattern;
use crate::template::PathTemplate;

/// One declaration: these hosts, this path and these methods have these requirements.
#[derive(Debug)]
pub struct Route {
    /// Where it was written, for messages: `doorward.toml line 12`.
    pub label: String,
    /// The hosts; empty stands for any host.
    pub hosts: Vec<HostPattern>,
    /// The path.
    pub path: PathTemplate,
    /// The methods.
    pub methods: Methods,
    /// Who may call.
    pub access: Access,
    /// Whose objects a call may name, and what its body may set.
    pub binding: Binding,
    /// How a permitted call is passed on.
    pub forwarding: Forwarding,
    /// Which pages of other origins may call it from a browser.
    pub cors: Option<Cors>,
    /// How often it may be called.
    pub limits: Vec<Arc<Limit>>,
}

/// The methods of a route, byte for byte as callers must send them (RFC 9110 section 9.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Methods {
    /// Every method that the gate lets through at all.
    Any,
    /// These. GET stands for HEAD as well unless HEAD is declared for the same path.
    List(Vec<Method>),
}

/// A text that is not a method a route can have.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a method that a caller can use; write it in upper case as on the wire, \
     such as GET, or a single `*` for any; CONNECT and TRACE are never accepted"
)]
pub struct MethodError(pub String);

impl Methods {
    /// Parses method names; a single `*` stands for any.
    ///
    /// # Errors
    /// The first name that is not the upper-case name of a method that callers can use.
    pub fn parse<'t>(names: impl IntoIterator<Item = &'t str>) -> Result<Self, MethodError> {
        let names: Vec<&str> = names.into_iter().collect();
        if names == ["*"] {
            return Ok(Self::Any);
        }
        let mut methods = Vec::with_capacity(names.len());
        for name in names {
            let method = Method::from_bytes(name.as_bytes())
                .ok()
                .filter(can_arrive)
                .ok_or_else(|| MethodError(name.to_owned()))?;
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        Ok(Self::List(methods))
    }
}

/// Tells whether the canonical form of a request can have this method.
pub(crate) fn can_arrive(method: &Method) -> bool {
    let upper = |b: u8| b.is_ascii_uppercase() || b == b'-' || b == b'_';
    *method != Method::CONNECT && *method != Method::TRACE && method.as_str().bytes().all(upper)
}

/// `GET,POST`, or `*`.
impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::List(methods) => {
                for (n, method) in methods.iter().enumerate() {
                    if n > 0 {
                        f.write_str(",")?;
                    }
                    f.write_str(method.as_str())?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MethodError, Methods};

    #[test]
    fn r097_methods_are_written_as_on_the_wire() {
        assert_eq!(Methods::parse(["*"]), Ok(Methods::Any));
        let list = Methods::parse(["GET", "PATCH", "GET", "M-SEARCH"]).unwrap();
        assert_eq!(list.to_string(), "GET,PATCH,M-SEARCH");
        for bad in ["get", "Get", "", "TRACE", "CONNECT", "GE T", "GET1", "*x"] {
            assert_eq!(
                Methods::parse(["GET", bad]),
                Err(MethodError(bad.to_owned()))
            );
        }
        assert!(Methods::parse(["*", "GET"]).is_err());
    }
}
