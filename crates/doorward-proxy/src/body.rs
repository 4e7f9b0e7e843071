//! Bodies on their way, never held as a whole.

mod caller_body;
mod download;
mod upload;

pub(crate) use caller_body::CallerBody;
pub(crate) use download::{Download, Finish};
pub(crate) use upload::{Upload, UploadEnd, UploadState};
