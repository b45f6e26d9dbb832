//! `clipwright serve` as a process of its own: it can be stopped, and it can fall
//! silent, as servers do.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::clipwright;

/// A folder that is served until this is dropped.
pub struct ServeCommand {
    /// `http://127.0.0.1:PORT/`
    pub url: String,
    folder: PathBuf,
    process: Option<Child>,
}

impl ServeCommand {
    pub fn start(folder: &Path) -> Result<Self> {
        let mut server = Self {
            url: String::new(),
            folder: folder.into(),
            process: None,
        };
        server.run("0")?;
        Ok(server)
    }

    /// Ends the server, its connections too.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Already gone is as good as killed.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again at the same address.
    pub fn start_again(&mut self) -> Result<()> {
        let port = self.url.trim_end_matches('/').rsplit(':').next();
        let port = port.context("the server had no port")?.to_string();
        self.run(&port)
    }

    /// It takes connections, and says nothing.
    pub fn fall_silent(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// It goes on where it fell silent.
    pub fn speak_again(&self) -> Result<()> {
        self.signal("-CONT")
    }

    fn run(&mut self, port: &str) -> Result<()> {
        self.stop();
        let mut process = Command::new(clipwright()?)
            .arg("serve")
            .arg(&self.folder)
            .args(["--port", port])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start clipwright serve")?;
        let stdout = process.stdout.take();
        self.process = Some(process);
        let mut said = String::new();
        BufReader::new(stdout.context("clipwright serve has no output")?)
            .read_line(&mut said)
            .context("reading clipwright serve's output")?;
        let address = said.trim().rsplit_once(" at ").map(|(_, address)| address);
        self.url = address
            .with_context(|| format!("clipwright serve printed no address: {said:?}"))?
            .to_string();
        Ok(())
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let process = self.process.as_ref().context("the server does not run")?;
        let status = Command::new("kill")
            .args([signal, &process.id().to_string()])
            .status()
            .context("cannot start kill")?;
        ensure!(status.success(), "kill {signal}: {status}");
        Ok(())
    }
}

impl Drop for ServeCommand {
    fn drop(&mut self) {
        self.stop();
    }
}
