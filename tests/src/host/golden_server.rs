//! The golden cases as a page, behind a static file server of this machine.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use axum::Router;
use axum::http::header;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;
use tower_http::services::ServeDir;

use super::server::Serving;
use super::target_folder;

const PAGE: &str = include_str!("../golden_page.html");

/// Serves until it is dropped.
pub struct GoldenServer {
    /// `http://127.0.0.1:PORT/`
    pub url: String,
    _serving: Serving,
}

impl GoldenServer {
    /// Serves the golden folder `root` with its `files`, and the WebAssembly that
    /// `CLIPWRIGHT_GOLDEN_PAGE` names or that `cargo xtask test` has built.
    pub async fn start(root: &Path, files: &[String], cases: &[String]) -> Result<Self> {
        let built = match env::var_os("CLIPWRIGHT_GOLDEN_PAGE") {
            Some(folder) => PathBuf::from(folder),
            None => target_folder()?.join("golden-page"),
        };
        ensure!(
            built.join("golden-page_bg.wasm").is_file(),
            "no golden page in {}\nhint: `cargo xtask test` builds it",
            built.display()
        );
        let list = json!({ "files": files, "cases": cases }).to_string();
        let list = get(async move || ([(header::CONTENT_TYPE, "application/json")], list));
        let router = Router::new()
            .route("/", get(async || Html(PAGE)))
            .route("/cases.json", list)
            .nest_service("/golden", ServeDir::new(root))
            .fallback_service(ServeDir::new(built));
        let serving = Serving::start(router).await?;
        Ok(Self {
            url: serving.url.clone(),
            _serving: serving,
        })
    }
}
