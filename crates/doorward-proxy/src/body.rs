//! Bodies on their way, never held as a whole.

mod download;
mod upload;

pub(crate) use download::{Download, Finish};
pub(crate) use upload::{Upload, UploadEnd, UploadState};
