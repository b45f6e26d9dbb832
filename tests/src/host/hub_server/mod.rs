//! A server in the Hugging Face Hub's layout, on a free port of this machine: it
//! describes repositories, leads to the bytes of their files the way the Hub does,
//! and can be told to do that badly. It remembers what it was asked.
//!
//! Large files lie on another host, as on the Hub: here that is the same server
//! by the name `localhost`. With a page beside it everything is one host, as a page's
//! own Hub has to be.

mod http;
mod page_files;
mod replies;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

pub use http::Request;

/// It answers so many requests, then no more.
const MOST_REQUESTS: usize = 1000;

/// Neither side waits longer for the other.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the Hub is on the host of a page.
pub const HUB_PATH: &str = "/hub";

/// The token that it accepts.
pub const HUB_TOKEN: &str = "hf_ForTheLoopbackOnly";

/// Serves until it is dropped.
pub struct HubServer {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What goes wrong with one reply of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends after so many bytes.
    Break(usize),
    /// Nothing comes any more after so many bytes, until [`HubServer::hang_up`].
    Stall(usize),
    /// The whole file, so many bytes shorter, and no word of it.
    Shorter(usize),
    /// The whole file, so many bytes longer, and no word of it.
    Longer(usize),
    /// One bit is another.
    Damage,
    /// All bytes come, whichever were asked for.
    NoRange,
    /// The part comes that begins so many bytes earlier.
    Earlier(usize),
    /// So many bytes come, no more and no less, and their number is not told.
    Unmeasured(usize),
    /// An error in place of the bytes.
    Status(u16),
}

/// What stands before the paths that replies lead to.
struct Hosts {
    own: &'static str,
    /// Before those of large files.
    large: String,
}

struct Shared {
    port: u16,
    /// Where a built page lies that is served too; the Hub is then under [`HUB_PATH`].
    page: Option<PathBuf>,
    stop: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    repositories: BTreeMap<String, Repository>,
    faults: VecDeque<Fault>,
    lies: Vec<(String, String)>,
    requests: Vec<Request>,
    /// Connections that have stalled.
    stalled: Vec<TcpStream>,
}

#[derive(Default)]
struct Repository {
    is_private: bool,
    /// Branches and tags with their commits.
    refs: BTreeMap<String, String>,
    commits: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
}

impl HubServer {
    pub fn start() -> Result<Self> {
        Self::start_with(None)
    }

    /// The same under [`HUB_PATH`] of the host of a page, which lies in `folder`.
    pub fn start_with_page(folder: PathBuf) -> Result<Self> {
        Self::start_with(Some(folder))
    }

    fn start_with(page: Option<PathBuf>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            port,
            page,
            stop: AtomicBool::new(false),
            state: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().take(MOST_REQUESTS) {
                if serving.stop.load(Ordering::Relaxed) {
                    break;
                }
                let serving = Arc::clone(&serving);
                // A client that goes away is the client's business.
                thread::spawn(move || stream.map(|stream| answer(&serving, stream)));
            }
        });
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            shared,
            thread: Some(thread),
        })
    }

    /// Commits files to a branch or tag of a repository, which is made when it is
    /// new; returns the commit.
    pub fn commit(&self, repository: &str, revision: &str, files: &[(&str, &[u8])]) -> String {
        let mut hash = Sha256::new_with_prefix(revision);
        for (name, bytes) in files {
            hash.update(name);
            hash.update(bytes);
        }
        let commit = hex(hash)[..40].to_string();
        self.commit_as(repository, revision, &commit, files);
        commit
    }

    /// The same with a given commit, which need not be one.
    pub fn commit_as(
        &self,
        repository: &str,
        revision: &str,
        commit: &str,
        files: &[(&str, &[u8])],
    ) {
        let mut state = self.state();
        let repository = state.repositories.entry(repository.into()).or_default();
        repository.refs.insert(revision.into(), commit.into());
        let files = files
            .iter()
            .map(|(name, bytes)| ((*name).into(), bytes.to_vec()));
        repository.commits.insert(commit.into(), files.collect());
    }

    /// Shows a repository only to who has [`HUB_TOKEN`].
    pub fn make_private(&self, repository: &str) {
        let mut state = self.state();
        let repository = state.repositories.entry(repository.into()).or_default();
        repository.is_private = true;
    }

    /// Faults of the next replies of bytes of large files, one each.
    pub fn fail(&self, faults: &[Fault]) {
        self.state().faults.extend(faults);
    }

    /// Ends the connections on which nothing comes any more.
    pub fn hang_up(&self) {
        for stream in self.state().stalled.drain(..) {
            // The client may have gone first.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Says something else in a header of what it tells of files.
    pub fn lie(&self, header: &str, value: &str) {
        self.state().lies.push((header.into(), value.into()));
    }

    /// What was asked since the last call.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().requests)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no request panics")
    }
}

impl Drop for HubServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // It waits for a connection; this is one.
        let _ = TcpStream::connect(("127.0.0.1", self.shared.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The hash that names a large file on the Hub.
pub fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

fn hex(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Git names small files by another hash; any of its length does here.
fn git_hash(bytes: &[u8]) -> String {
    sha256(bytes)[..40].into()
}

fn is_large(name: &str) -> bool {
    [".safetensors", ".bin", ".pt"]
        .iter()
        .any(|kind| name.ends_with(kind))
}

fn answer(shared: &Shared, stream: TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = http::read_request(&stream)?;
    let mut hosts = Hosts {
        own: "",
        large: format!("http://localhost:{}", shared.port),
    };
    if let Some(folder) = &shared.page {
        let Some(path) = request.path.strip_prefix(HUB_PATH) else {
            let reply = page_files::page_file(folder, &request.path);
            return http::write_reply(stream, &request, &reply);
        };
        request.path = path.into();
        hosts = Hosts {
            own: HUB_PATH,
            large: HUB_PATH.into(),
        };
    }
    let reply = {
        let mut state = shared.state.lock().expect("no request panics");
        state.requests.push(request.clone());
        let reply = replies::reply(&hosts, &mut state, &request);
        if let Some(Fault::Stall(_)) = reply.fault {
            state.stalled.push(stream.try_clone()?);
        }
        reply
    };
    http::write_reply(stream, &request, &reply)
}
