//! The built page behind a plain static file server, on a free port of this
//! machine: the page needs nothing else of a host.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower_http::services::ServeDir;

use crate::repository_root;

/// A router behind a free port, until it is dropped.
pub(super) struct Serving {
    /// `http://127.0.0.1:PORT/`
    pub url: String,
    task: JoinHandle<()>,
}

impl Serving {
    pub async fn start(router: Router) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no free port")?;
        let address = listener
            .local_addr()
            .context("a listener without an address")?;
        let task = tokio::spawn(async move {
            // It ends with the test; an error shows as a page that does not load.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            url: format!("http://{address}/"),
            task,
        })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The built page: the folder that `CLIPWRIGHT_DIST` names, or where `cargo xtask web`
/// puts it.
pub fn page_folder() -> Result<PathBuf> {
    let folder = match env::var_os("CLIPWRIGHT_DIST") {
        Some(folder) => PathBuf::from(folder),
        None => repository_root().join("web/dist"),
    };
    ensure!(
        folder.join("index.html").is_file(),
        "no built page in {}\nhint: `cargo xtask test` builds it, `cargo xtask web` too",
        folder.display()
    );
    Ok(folder)
}

/// Serves until it is dropped.
pub struct PageServer {
    /// `http://127.0.0.1:PORT/`
    pub url: String,
    _serving: Serving,
}

impl PageServer {
    /// Serves [`page_folder`].
    pub async fn start() -> Result<Self> {
        Self::of(&page_folder()?).await
    }

    /// Serves any folder.
    pub async fn of(folder: &Path) -> Result<Self> {
        Self::routing(Router::new().fallback_service(ServeDir::new(folder))).await
    }

    /// Serves what `router` answers.
    pub async fn routing(router: Router) -> Result<Self> {
        let serving = Serving::start(router).await?;
        Ok(Self {
            url: serving.url.clone(),
            _serving: serving,
        })
    }
}
