//! Where lines are written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Target;

/// Takes bytes without buffering them.
pub(super) trait Output: Send {
    /// Writes some of the bytes and says how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Opens the target again; on an error the old one stays. Tells whether it is another one.
    fn reopen(&mut self) -> io::Result<bool>;
}

/// Opens a target; `None` for no target.
pub(super) fn open(target: &Target) -> io::Result<Option<Box<dyn Output>>> {
    Ok(match target {
        Target::Off => None,
        Target::Stdout => {
            // SECURITY: not through the buffer of `Stdout`, which would keep bytes that failed
            // and write them twice.
            let file = io::stdout().as_fd().try_clone_to_owned()?;
            Some(Box::new(Opened {
                file: file.into(),
                path: None,
            }))
        }
        Target::File(path) => Some(Box::new(Opened {
            file: append(path)?,
            path: Some(path.clone()),
        })),
    })
}

struct Opened {
    file: File,
    path: Option<PathBuf>,
}

impl Output for Opened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn reopen(&mut self) -> io::Result<bool> {
        if let Some(path) = &self.path {
            self.file = append(path)?;
        }
        Ok(self.path.is_some())
    }
}

fn append(path: &Path) -> io::Result<File> {
    // The records name subjects and addresses: nobody but the owner reads a new file.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}
