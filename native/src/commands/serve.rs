//! `clipwright serve`: a folder over HTTP, on this machine only.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Context, Result};
use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::args::Serve;
use crate::problem::problem;

pub fn run(args: &Serve) -> Result<()> {
    if !args.folder.join("index.html").is_file() {
        return Err(problem(
            format!("{} has no index.html", args.folder.display()),
            "build the page first with `cargo xtask web`, then serve web/dist",
        ));
    }
    tokio::runtime::Runtime::new()?.block_on(serve(args))
}

async fn serve(args: &Serve) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .await
        .map_err(|error| {
            problem(
                format!("cannot listen on 127.0.0.1:{}: {error}", args.port),
                "choose another --port; 0 takes a free one",
            )
        })?;
    let router = router(&args.folder);
    let address = listener.local_addr().context("no address")?;
    println!("serving {} at http://{address}/", args.folder.display());
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            // Without a signal handler the process ends the hard way, which is fine too.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await
        .context("the server stopped")
}

/// What answers for a page in `folder`.
pub fn router(folder: &Path) -> Router {
    let header = |name: &'static str, value: &'static str| {
        let (name, value) = (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        SetResponseHeaderLayer::overriding(name, value)
    };
    Router::new()
        .fallback_service(ServeDir::new(folder))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("cache-control", "no-cache"))
        // Isolated from other hosts, the page may share memory between threads.
        .layer(header("cross-origin-opener-policy", "same-origin"))
        .layer(header("cross-origin-embedder-policy", "require-corp"))
}
