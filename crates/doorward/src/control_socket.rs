//! How commands reach running servers: a socket in the state folder.
//!
//! The protocol is one JSON line each way. `{"do":"sync"}` makes the server take over what
//! changed in the database and is answered when it has. `{"do":"decision","id":"d..."}` asks for
//! a remembered decision. Only the user who owns the folder can connect.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// The longest line that is read.
const MAX_LINE: u64 = 64 * 1024;
/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a command asks.
#[derive(Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Ask {
    /// Take over what changed.
    Sync,
    /// Show a decision.
    Decision {
        /// Its id.
        id: String,
    },
}

/// What a server answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done.
    Done,
    /// The decision's record, if it is remembered.
    Decision(Option<serde_json::Value>),
    /// It did not work.
    Failed(String),
}

/// What came of an announcement.
pub struct Announced {
    /// Servers that have taken the change over.
    pub servers: usize,
    /// Servers that did not answer; they notice by themselves within a second.
    pub silent: usize,
}

/// Answers what commands ask.
pub trait Answers: Send + Sync + 'static {
    /// Answers one question.
    fn answer(&self, ask: Ask) -> impl Future<Output = Reply> + Send;
}

fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("run")
}

/// A listening socket; its file goes away with it.
pub struct Socket {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
        let _removed = std::fs::remove_file(&self.path);
    }
}

/// The longest path that every system takes for a socket's address.
const MAX_ADDRESS: usize = 100;

/// How a socket is named to the system. Its paths are short, and a state folder's may be long:
/// then the socket is named through the open folder.
struct Address {
    path: PathBuf,
    _folder: Option<File>,
}

impl Address {
    fn of(path: &Path) -> std::io::Result<Self> {
        let long = path.as_os_str().len() > MAX_ADDRESS;
        let (Some(folder), Some(name), true) = (path.parent(), path.file_name(), long) else {
            return Ok(Self {
                path: path.to_owned(),
                _folder: None,
            });
        };
        let folder = File::open(folder)?;
        Ok(Self {
            path: Path::new("/proc/self/fd")
                .join(folder.as_raw_fd().to_string())
                .join(name),
            _folder: Some(folder),
        })
    }
}

/// Listens for commands.
///
/// # Errors
/// When the socket cannot be made.
pub fn listen(state_dir: &Path, answers: Arc<impl Answers>) -> Result<Socket> {
    let folder = folder(state_dir);
    crate::state::make_folder(&folder)?;
    let path = folder.join(format!("{}.sock", std::process::id()));
    let _stale = std::fs::remove_file(&path);
    let cannot = || format!("cannot listen on {}", path.display());
    let listener = Address::of(&path)
        .and_then(|address| UnixListener::bind(&address.path))
        .with_context(cannot)?;
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            tokio::spawn(async move {
                let _closed = tokio::time::timeout(PATIENCE * 2, serve(stream, answers)).await;
            });
        }
    });
    Ok(Socket { path, task })
}

async fn serve(stream: UnixStream, answers: Arc<impl Answers>) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(MAX_LINE))
        .read_line(&mut line)
        .await?;
    let reply = match serde_json::from_str(&line) {
        Ok(ask) => answers.answer(ask).await,
        Err(error) => Reply::Failed(error.to_string()),
    };
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    Ok(write.write_all(text.as_bytes()).await?)
}

/// Tells every running server of this state folder to take over what changed.
pub async fn announce(state_dir: &Path) -> Announced {
    let mut announced = Announced {
        servers: 0,
        silent: 0,
    };
    for path in sockets(state_dir) {
        match ask(&path, &Ask::Sync).await {
            Ok(Reply::Done) => announced.servers += 1,
            Ok(_) => announced.silent += 1,
            Err(error) if is_dead(&error) => {
                let _removed = std::fs::remove_file(&path);
            }
            Err(_) => announced.silent += 1,
        }
    }
    announced
}

/// Asks the running servers for a decision.
pub async fn find_decision(state_dir: &Path, id: &str) -> Option<serde_json::Value> {
    for path in sockets(state_dir) {
        let asked = ask(&path, &Ask::Decision { id: id.to_owned() }).await;
        if let Ok(Reply::Decision(Some(record))) = asked {
            return Some(record);
        }
    }
    None
}

fn sockets(state_dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder(state_dir)) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "sock")
        })
        .collect()
}

/// Tells whether nobody listens on a socket's file any more.
fn is_dead(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

async fn ask(path: &Path, ask: &Ask) -> Result<Reply> {
    let exchange = async {
        let address = Address::of(path)?;
        let stream = UnixStream::connect(&address.path).await?;
        let (read, mut write) = stream.into_split();
        let mut text = serde_json::to_string(ask)?;
        text.push('\n');
        write.write_all(text.as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(read.take(MAX_LINE))
            .read_line(&mut line)
            .await?;
        Ok(serde_json::from_str(&line)?)
    };
    tokio::time::timeout(PATIENCE, exchange).await?
}
