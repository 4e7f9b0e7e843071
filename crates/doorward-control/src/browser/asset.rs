//! The stylesheet, the logo and the one script.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::{HeaderValue, Response, StatusCode};

use super::brand::Brand;
use super::page::whole;
use super::paths::Paths;

const STYLE: &str = include_str!("../../templates/style.css");
/// Sends the form of `response_mode=form_post`; without scripts people press its button.
const SUBMIT: &str = "document.getElementById(\"response\").submit();\n";

/// The files beside the pages.
pub struct Assets {
    style: Bytes,
}

impl Assets {
    /// Prepares the files in the operator's colour.
    #[must_use]
    pub fn new(brand: &Brand) -> Self {
        Self {
            style: format!("{STYLE}{}", brand.colour.css()).into(),
        }
    }

    /// Answers a request for a file; `None` when it is none of these.
    #[must_use]
    pub fn answer(&self, path: &str, paths: &Paths, brand: &Brand) -> Option<Response<Bytes>> {
        let (kind, body) = if path == paths.style {
            ("text/css; charset=utf-8", self.style.clone())
        } else if path == paths.submit {
            let script = Bytes::from_static(SUBMIT.as_bytes());
            ("text/javascript; charset=utf-8", script)
        } else if path == paths.logo {
            let logo = brand.logo.as_ref()?;
            (logo.kind, logo.bytes.clone())
        } else {
            return None;
        };
        let mut response = whole(StatusCode::OK, kind, body);
        let headers = response.headers_mut();
        let minutes = HeaderValue::from_static("public, max-age=300");
        headers.insert(CACHE_CONTROL, minutes);
        // SECURITY: an SVG that is opened by itself runs nothing and reaches nothing.
        headers.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        );
        Some(response)
    }
}
