//! A second process: the test binary runs itself again with one test and a database in its
//! environment. Without that environment these tests do nothing, so they pass in a normal run.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

const DATABASE: &str = "DOORWARD_TEST_DATABASE";
const TASK: &str = "DOORWARD_TEST_TASK";

/// The other process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the test named `test` on `database`, with `task` to tell it what to do.
    pub(crate) fn start(test: &str, database: &Path, task: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(DATABASE, database)
            .env(TASK, task)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The next line that the other process said with [`say`], or `None` at its end. A line cut
    /// off by a kill counts as not said.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap_or(0) == 0 || !line.ends_with('\n') {
                return None;
            }
            if let Some((_, said)) = line.split_once("SAID ") {
                return Some(said.trim_end().to_owned());
            }
        }
    }

    /// Tells whether the other process has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the other process: the database and the task; `None` in a normal run.
pub(crate) fn orders() -> Option<(std::path::PathBuf, String)> {
    Some((
        std::env::var_os(DATABASE)?.into(),
        std::env::var(TASK).ok()?,
    ))
}

/// In the other process: says one line to the one that started it.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The harness may have begun the line.
    writeln!(out, "SAID {line}").unwrap();
    out.flush().unwrap();
}
