//! What goes wrong behind the page's back: a worker that dies, and one that is busy.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::ensure;
use axum::Router;
use axum::extract::Request;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use clipwright_tests::{Browser, Page, PageServer, page_folder, repository_root};
use serde_json::json;
use tower_http::services::ServeDir;

use super::{check_card, fixture};

/// Remembers the workers of a page before anything else runs in it.
const KEEP_WORKERS: &str = "
    window.keptWorkers = [];
    window.Worker = class extends Worker {
        constructor(...how) { super(...how); window.keptWorkers.push(this); }
    };";

/// A message that is none makes the worker throw, as running out of memory does.
const KILL: &str = "window.keptWorkers.at(-1).postMessage({ json: '{', files: [] })";

#[tokio::test]
async fn a_worker_that_dies_is_replaced_and_nothing_is_lost() {
    let fixture = fixture().unwrap();
    let outcome = Browser::with(async |browser| {
        browser.set_viewport(1280, 900, false).await?;
        browser.before_each_document(KEEP_WORKERS).await?;
        let server = PageServer::start().await?;
        let page = Page::open(browser, &server.url).await?;
        page.answer_after(async || page.choose_file("learned-input", &fixture.learned).await)
            .await?;
        page.answer_after(async || page.choose_file("image-input", &fixture.pictures[2]).await)
            .await?;
        let before = page
            .answer_after(async || page.type_over("class-input", "a late class\n").await)
            .await?;
        ensure!(before.cards.len() == 2, "{before:?}");

        page.script::<()>(KILL, vec![]).await?;
        page.error_with("was started again").await?;
        page.wait_for("a second worker runs", "window.keptWorkers.length === 2")
            .await?;
        let classes = page.class_names().await?;
        ensure!(
            classes.iter().any(|class| class == "a late class"),
            "{classes:?}"
        );
        // All that was loaded answers again.
        let after = page
            .answer_after(async || page.type_over("template-input", "a {}.").await)
            .await?;
        ensure!(after.cards.len() == 2, "{after:?}");
        for card in &after.cards {
            check_card(card, &classes)?;
        }
        let script = "return document.querySelectorAll('[data-testid=learned-file]').length";
        let learned: usize = page.script(script, vec![]).await?;
        ensure!(learned == 1, "{learned} learned files are left");
        browser.save_screenshot("worker-restarted").await?;

        // The console tells of the death itself, and of nothing else.
        let complaints = browser.console_complaints().await?;
        let foreign = complaints
            .iter()
            .filter(|complaint| !complaint.contains("not understood"));
        let foreign: Vec<&String> = foreign.collect();
        ensure!(foreign.is_empty(), "the console: {foreign:#?}");
        Ok(())
    });
    if let Err(error) = outcome.await {
        panic!("{error:#}");
    }
}

/// Longest that the page may keep a person waiting while the worker computes, in
/// milliseconds.
const LONGEST_TASK: f64 = 50.0;

#[tokio::test]
async fn the_page_answers_at_once_while_the_worker_computes() {
    let outcome = Browser::with(async |browser| {
        browser.set_viewport(1280, 900, false).await?;
        let server = PageServer::start().await?;
        let page = Page::open(browser, &server.url).await?;
        page.first_answer().await?;
        page.click("tab-patches").await?;
        page.wait_for(
            "the patches are there",
            "document.querySelector('[data-testid=place]')",
        )
        .await?;
        // 64 patches keep the worker busy for a while; meanwhile a timer of the page
        // is asked every 5 ms how late it comes.
        let begin = "
            window.late = [];
            let due = performance.now() + 5;
            window.clock = setInterval(() => {
                const now = performance.now();
                window.late.push(now - due);
                due = now + 5;
            }, 5);
            const slider = document.querySelector(arguments[0]);
            Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(slider, 8);
            slider.dispatchEvent(new Event('input', { bubbles: true }));";
        let slider = json!("[data-testid=patches-grid]");
        page.script::<()>(begin, vec![slider]).await?;
        page.wait_for(
            "64 patches are there",
            "document.querySelectorAll('[data-testid=place]').length === 64",
        )
        .await?;
        let late = "clearInterval(window.clock);
            return window.late.sort((a, b) => a - b)";
        let late: Vec<f64> = page.script(late, vec![]).await?;
        ensure!(late.len() > 20, "the clock ticked {} times", late.len());
        // Other tests share the machine: the page has to be in time nearly always.
        let nearly_all = late[late.len() * 95 / 100];
        ensure!(
            nearly_all < LONGEST_TASK,
            "the page was late by {nearly_all:.0} ms; the most was {:.0}",
            late[late.len() - 1]
        );
        Ok(())
    });
    if let Err(error) = outcome.await {
        panic!("{error:#}");
    }
}

/// A model that breaks off, or is not to be had, is told of, and fetched when asked for
/// again.
#[tokio::test]
async fn a_model_that_breaks_off_can_be_fetched_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let answer = move |request: Request, next: Next| {
        let is_model = request.uri().path().ends_with("tiny.safetensors");
        let before = match is_model {
            true => asked.fetch_add(1, Relaxed),
            false => usize::MAX,
        };
        async move {
            let mut response = match before {
                0 => {
                    let whole = fs::read(repository_root().join("static/model/tiny.safetensors"));
                    let whole = whole.unwrap_or_default();
                    whole[..whole.len() / 2].to_vec().into_response()
                }
                1 => StatusCode::NOT_FOUND.into_response(),
                _ => next.run(request).await,
            };
            let never = HeaderValue::from_static("no-store");
            response.headers_mut().insert(CACHE_CONTROL, never);
            response
        }
    };
    let outcome = Browser::with(async |browser| {
        browser.set_viewport(1280, 900, false).await?;
        let router = Router::new()
            .fallback_service(ServeDir::new(page_folder()?))
            .layer(from_fn(answer));
        let server = PageServer::routing(router).await?;
        let page = Page::at(browser, &server.url).await?;
        let again = "document.querySelector('.notices button').click()";
        page.error_with("the file ends at byte").await?;
        page.script::<()>(again, vec![]).await?;
        page.error_with("the server answered 404").await?;
        page.script::<()>(again, vec![]).await?;
        page.first_answer().await.map(drop)
    });
    if let Err(error) = outcome.await {
        panic!("{error:#}");
    }
}
