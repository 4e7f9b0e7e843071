//! `cargo xtask bench`: placeholder module.

use anyhow::{Result, bail};
use std::path::Path;
pub(crate) fn run(_root: &Path, _arguments: &[&str]) -> Result<()> {
    bail!("not built")
}
