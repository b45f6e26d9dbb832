//! The demo's page as it is served: left running, or fetched file by file.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::fetch::fetch;

const USUAL_PORT: u16 = 8080;

/// Hands over to `clipwright serve`, until it is interrupted.
pub fn serve(mut clipwright: Command, page: &Path, port: u16) -> Result<()> {
    let port = free_port(port)?;
    clipwright
        .arg("serve")
        .arg(page)
        .args(["--port", &port.to_string()]);
    println!("The page: http://127.0.0.1:{port}/ (Ctrl-C ends it)\n");
    // Where there is exec the server takes this process's place, so that whoever
    // ends the one has ended the other.
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        Err(clipwright.exec()).context("cannot start clipwright serve")
    }
    #[cfg(not(unix))]
    crate::project::succeed(&mut clipwright, "serving the page")
}

/// `port`, or if that is 0 the usual one, or any if that is taken.
fn free_port(port: u16) -> Result<u16> {
    let bind = |port| TcpListener::bind(("127.0.0.1", port));
    let listener = match port {
        0 => bind(USUAL_PORT).or_else(|_| bind(0)),
        given => bind(given),
    };
    let listener = listener.with_context(|| {
        format!("port {port} cannot be used\nhint: leave --port away to get a free one")
    })?;
    Ok(listener
        .local_addr()
        .context("a listener without an address")?
        .port())
}

/// Serves the page, fetches what it cannot do without, compares that with the
/// files, and ends the server.
pub fn check(clipwright: Command, page: &Path, port: u16) -> Result<()> {
    let server = Server::start(clipwright, page, port)?;
    let address = &server.address;
    let index = fetch(address, "/")?;
    ensure!(
        String::from_utf8_lossy(&index).contains("<html"),
        "http://{address}/ is no HTML page"
    );
    println!("http://{address}/: {} bytes", index.len());
    let files = files_below(page)?;
    for (ending, least, what) in [
        (".wasm", 2, "the page and its worker"),
        (
            ".safetensors",
            2,
            "the embedded model and the learned prompt",
        ),
    ] {
        let matching: Vec<&PathBuf> = files
            .iter()
            .filter(|file| file.to_string_lossy().ends_with(ending))
            .collect();
        if matching.len() < least {
            bail!(
                "expected {what} as {ending} files in {}, found {matching:?}",
                page.display()
            );
        }
        for file in matching {
            let path = format!("/{}", file.to_string_lossy().replace('\\', "/"));
            let on_disk = fs::read(page.join(file))
                .with_context(|| format!("cannot read {}", page.join(file).display()))?;
            let fetched = fetch(address, &path)?;
            ensure!(
                fetched == on_disk,
                "http://{address}{path}: {} bytes that are not the file's {}",
                fetched.len(),
                on_disk.len()
            );
            println!("http://{address}{path}: {} bytes", fetched.len());
        }
    }
    println!("The page is served.");
    Ok(())
}

/// A running `clipwright serve`, ended when dropped.
struct Server {
    process: Child,
    /// `127.0.0.1:PORT`.
    address: String,
    /// Kept open: the server may have more to say.
    stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(mut clipwright: Command, page: &Path, port: u16) -> Result<Self> {
        clipwright
            .arg("serve")
            .arg(page)
            .args(["--port", &port.to_string()]);
        let spawned = clipwright
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = spawned.context("cannot start clipwright serve")?;
        let stdout = process
            .stdout
            .take()
            .context("clipwright serve has no output")?;
        let mut server = Self {
            process,
            address: String::new(),
            stdout: BufReader::new(stdout),
        };
        let mut line = String::new();
        server
            .stdout
            .read_line(&mut line)
            .context("reading clipwright serve's output")?;
        let address = line
            .trim()
            .rsplit_once("http://")
            .map(|(_, address)| address);
        server.address = address
            .with_context(|| format!("clipwright serve printed no address: {line:?}"))?
            .trim_end_matches('/')
            .to_string();
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is as good as ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Every file below `folder`, relative to it, in a fixed order.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        let path = folder.join(&relative);
        let entries = fs::read_dir(&path);
        for entry in entries.with_context(|| format!("cannot list {}", path.display()))? {
            let entry = entry.with_context(|| format!("cannot list {}", path.display()))?;
            let inside = relative.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(inside);
            } else {
                files.push(inside);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Copies every file below `from`.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for file in files_below(from)? {
        let target = to.join(&file);
        let parent = target.parent().unwrap_or(to);
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot make the folder {}", parent.display()))?;
        fs::copy(from.join(&file), &target)
            .with_context(|| format!("cannot copy {} to {}", file.display(), target.display()))?;
    }
    Ok(())
}
