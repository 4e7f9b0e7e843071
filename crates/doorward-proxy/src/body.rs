//! Bodies on their way. None is held as a whole but where a rule judges it.

mod caller_body;
mod digest;
mod download;
pub(crate) mod judged;
mod upload;

pub(crate) use caller_body::CallerBody;
pub(crate) use digest::CheckedBody;
pub(crate) use download::{Download, Finish};
pub(crate) use upload::{Upload, UploadEnd, UploadState};
