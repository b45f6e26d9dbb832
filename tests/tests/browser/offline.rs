//! The page without its server, with a silent or a failing one, with a newer build on it,
//! and with another page beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use clipwright_tests::{Browser, Page, PageServer, ServeCommand, page_folder};
use tower_http::services::ServeDir;

use super::share::sample_is_shown;

/// A copy of the built page, which a test may change.
pub fn copied_page(name: &str) -> Result<PathBuf> {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    copy(&page_folder()?, &to)?;
    Ok(to)
}

pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target)?,
            false => {
                fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}

/// Makes the page another build: its files have other names, and its title says so.
/// Without `files`, the new names lead nowhere, as while a page is being uploaded.
fn build_again(page: &Path, title: &str, hash: &str, with_files: bool) -> Result<()> {
    let index = page.join("index.html");
    let mut text = fs::read_to_string(&index)?;
    let (_, script) = text.split_once("data-js=\"").context("no data-js")?;
    let (script, _) = script.split_once('"').context("no end of data-js")?;
    let old = script.trim_end_matches(".js").to_string();
    let new = format!("app-{hash}");
    for ending in [".js", "_bg.wasm"] {
        if with_files {
            fs::rename(
                page.join(old.clone() + ending),
                page.join(new.clone() + ending),
            )?;
        }
    }
    let (start, rest) = text.split_once("<title>").context("no title")?;
    let (_, end) = rest.split_once("</title>").context("no end of the title")?;
    text = format!("{start}<title>{title}</title>{end}").replace(&old, &new);
    fs::write(index, text)?;
    Ok(())
}

/// Waits until the page has all that it needs without a connection.
pub async fn is_kept(page: &Page<'_>) -> Result<()> {
    let condition = "document.documentElement.dataset.offline === 'ready'";
    page.wait_for("the page is kept for offline use", condition)
        .await
}

/// The addresses that this folder's page has kept; each with the status it came with.
async fn kept_files(page: &Page<'_>) -> Result<Vec<(String, u16)>> {
    let script = "return (async () => {
        const name = `clipwright-page-1 ${new URL('.', location).href}`;
        if (!(await caches.has(name))) return [];
        const cache = await caches.open(name);
        const status = async ({ url }) => [url, (await cache.match(url)).status];
        return Promise.all((await cache.keys()).map(status));
    })()";
    let kept: Vec<(String, u16)> = page.script(script, vec![]).await?;
    ensure!(!kept.is_empty(), "nothing is kept");
    Ok(kept)
}

async fn title(page: &Page<'_>) -> Result<String> {
    page.script("return document.title", vec![]).await
}

/// Opens a copied page, waits until it is kept, and goes on with `test`.
async fn kept_page(
    name: &str,
    test: impl AsyncFnOnce(&Browser, &Page<'_>, &mut ServeCommand, &Path) -> Result<()>,
) {
    let outcome = Browser::with(async |browser| {
        let folder = copied_page(name)?;
        let mut server = ServeCommand::start(&folder)?;
        let url = server.url.clone();
        let page = Page::open(browser, &url).await?;
        is_kept(&page).await?;
        test(browser, &page, &mut server, &folder).await
    });
    if let Err(error) = outcome.await {
        panic!("{error:#}");
    }
}

#[tokio::test]
async fn the_page_opens_and_answers_without_its_server() {
    kept_page("offline", async |browser, page, server, _| {
        let before = page.first_answer().await?;
        server.stop();
        browser.client.refresh().await?;
        let after = page.first_answer().await?;
        ensure!(after.cards == before.cards, "{after:?} after {before:?}");
        // Everything else that the page has works too.
        let script = "[...document.querySelectorAll('[data-testid=sample]')].at(-1).click()";
        let other = page
            .answer_after(async || page.script(script, vec![]).await)
            .await?;
        ensure!(
            other.cards != after.cards,
            "the last sample got the first one's answer"
        );
        browser.save_screenshot("page-offline").await?;

        // Nothing of another origin was kept.
        for (file, _) in kept_files(page).await? {
            ensure!(file.starts_with(&server.url), "kept from elsewhere: {file}");
        }

        // And when it is back, so is the page, with the sample that its address names.
        page.wait_for(
            "the address names the sample",
            "/sample=/.test(location.hash)",
        )
        .await?;
        server.start_again()?;
        browser.client.refresh().await?;
        sample_is_shown(page, -1).await?;
        let again = page.first_answer().await?;
        ensure!(again.cards == other.cards, "{again:?} after {other:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_new_build_is_seen_at_once_and_replaces_the_kept_one() {
    kept_page("offline-update", async |browser, page, server, folder| {
        build_again(folder, "a new build", "00000000000000aa", true)?;
        browser.client.refresh().await?;
        ensure!(
            title(page).await? == "a new build",
            "an old build was shown"
        );
        page.first_answer().await?;
        is_kept(page).await?;
        let mut kept = kept_files(page).await?;
        kept.retain(|(file, _)| file.contains("app-"));
        let is_new = |(file, _): &(String, u16)| file.contains("00000000000000aa");
        ensure!(
            !kept.is_empty() && kept.iter().all(is_new),
            "kept: {kept:?}"
        );
        server.stop();
        browser.client.refresh().await?;
        page.first_answer().await?;
        ensure!(title(page).await? == "a new build", "an old build was kept");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_build_that_is_not_whole_never_mixes_with_the_kept_one() {
    kept_page("offline-mixed", async |browser, page, server, folder| {
        let before = title(page).await?;
        build_again(folder, "half a build", "00000000000000bb", false)?;
        browser.client.refresh().await?;
        page.error_with("could not start").await?;
        server.stop();
        browser.client.refresh().await?;
        page.first_answer().await?;
        ensure!(title(page).await? == before, "half a build was kept");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_page_beside_it_is_left_alone_and_a_failing_host_is_not_shown() {
    let outcome = Browser::with(async |browser| {
        let (one, two) = (copied_page("offline-one")?, copied_page("offline-two")?);
        build_again(&two, "the page beside it", "00000000000000cc", true)?;
        let (is_failing, refused) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (fails, refuses) = (is_failing.clone(), refused.clone());
        let answer = move |request: Request, next: Next| {
            let (fails, refuses) = (fails.clone(), refuses.clone());
            async move {
                if !fails.load(Relaxed) {
                    return next.run(request).await;
                }
                refuses.fetch_add(1, Relaxed);
                (StatusCode::SERVICE_UNAVAILABLE, "out of order").into_response()
            }
        };
        let router = Router::new()
            .nest_service("/one", ServeDir::new(&one))
            .nest_service("/two", ServeDir::new(&two))
            .layer(from_fn(answer));
        let server = PageServer::routing(router).await?;

        let mut titles = Vec::new();
        for place in ["one/", "two/"] {
            let page = Page::open(browser, &format!("{}{place}", server.url)).await?;
            is_kept(&page).await?;
            titles.push(title(&page).await?);
        }
        ensure!(
            titles[0] != titles[1] && titles[1] == "the page beside it",
            "{titles:?}"
        );
        is_failing.store(true, Relaxed);
        for (place, expected) in ["one/", "two/"].into_iter().zip(&titles) {
            let before = refused.load(Relaxed);
            let page = Page::open(browser, &format!("{}{place}", server.url)).await?;
            page.first_answer().await?;
            let shown = title(&page).await?;
            ensure!(shown == *expected, "{place}: {shown}");
            ensure!(
                refused.load(Relaxed) > before,
                "{place}: the host was not asked"
            );
            for (file, status) in kept_files(&page).await? {
                ensure!(status == 200, "{file} is kept with status {status}");
                ensure!(
                    file.contains(&format!("/{place}")),
                    "{file} is kept by {place}"
                );
            }
        }
        Ok(())
    });
    if let Err(error) = outcome.await {
        panic!("{error:#}");
    }
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for() {
    kept_page("offline-silent", async |browser, page, server, _| {
        let before = page.first_answer().await?;
        server.fall_silent()?;
        let start = Instant::now();
        browser.client.refresh().await?;
        let after = page.first_answer().await?;
        let waited = start.elapsed();
        ensure!(after.cards == before.cards, "{after:?} after {before:?}");
        // Once for the index; what follows knows that there is no answer.
        ensure!(waited < Duration::from_secs(15), "it took {waited:?}");
        server.speak_again()
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_is_told_and_a_regained_one_too() {
    super::on_the_page(async |browser, page| {
        let shown = "return document.querySelector('[data-testid=offline]').checkVisibility(\
                     { visibilityProperty: true })";
        ensure!(
            !page.script::<bool>(shown, vec![]).await?,
            "offline from the start"
        );
        for (offline, expected) in [(true, "everything here works"), (false, "")] {
            let network = serde_json::json!({
                "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
            });
            browser
                .devtools("Network.emulateNetworkConditions", network)
                .await?;
            page.wait_until("the status follows the connection", async || {
                let text = page.text("offline").await?;
                let is_shown: bool = page.script(shown, vec![]).await?;
                Ok((is_shown == offline && text.contains(expected)).then_some(()))
            })
            .await?;
        }
        Ok(())
    })
    .await;
}
