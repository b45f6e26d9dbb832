//! The worker with threads, on a host that isolates the page as `clipwright serve` does.

use std::sync::{Arc, Mutex};

use anyhow::{Result, ensure};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use clipwright::commands::serve;
use clipwright_tests::{Browser, Page, PageServer, page_folder};
use serde_json::Value;

use super::{fixture, module, nothing_amiss};

/// The same questions to each build of the worker, and to the one whose threads cannot be had.
const ASK: &str = "
    const asked = async (query) => {
        const clip = await load({ model: '../model/tiny.safetensors', learned: { mine: bytes(learned) },
            worker: `../worker_loader.js?helpers=0&${query}` });
        const names = ['azure banded wedge', 'rosy tiled plus'];
        const answers = [
            [...await clip.features(bytes(image))],
            await clip.classify(bytes(image), names),
            await clip.tune(bytes(image), names, { views: 31, seed: 1 }),
        ];
        clip.terminate();
        return answers;
    };
    const builds = ['build=worker', 'build=worker_relaxed', 'build=worker_threads', 'build=worker_threads&broken'];
    const answers = [];
    for (const build of builds) answers.push(await asked(build));
    return { answers, crossOriginIsolated, processors: navigator.hardwareConcurrency };";

/// Whether two answers differ in the last digits of their numbers at most.
fn are_near(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_near(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| are_near(a, b))
        }
        (Value::Number(a), Value::Number(b)) => {
            let [a, b] = [a, b].map(|number| number.as_f64().unwrap_or(f64::NAN));
            (a - b).abs() <= 1e-4 * a.abs().max(1.0)
        }
        (a, b) => a == b,
    }
}

#[tokio::test]
async fn threads_change_nothing_but_the_time() -> Result<()> {
    let threads = Arc::new(Mutex::new(Vec::<String>::new()));
    let noted = threads.clone();
    let note = move |request: Request, next: Next| {
        let asked = request.uri().to_string();
        let is_thread = asked.contains("/worker_thread.js");
        if is_thread {
            noted
                .lock()
                .expect("nobody panics with it")
                .push(asked.clone());
        }
        async move {
            match is_thread && asked.ends_with("&broken") {
                true => StatusCode::NOT_FOUND.into_response(),
                false => next.run(request).await,
            }
        }
    };
    Browser::with(async |browser| {
        let router = serve::router(&page_folder()?).layer(from_fn(note));
        let server = PageServer::routing(router).await?;
        let example = format!("{}js/example.html", server.url);
        browser.client.goto(&example).await?;
        let told = module::run(browser, ASK).await?;
        ensure!(told["failed"].is_null(), "{told}");
        ensure!(told["crossOriginIsolated"] == true, "{told}");
        let answers = &told["answers"];
        ensure!(answers[0][0][0].is_number(), "{answers}");
        let [plain, relaxed, threaded, without] = std::array::from_fn(|build| &answers[build]);
        ensure!(relaxed == threaded && relaxed == without, "{answers}");
        // Its products are rounded before they are added, the others' behind.
        ensure!(are_near(plain, relaxed), "{answers}");
        let asked = threads.lock().expect("nobody panics with it");
        let of = |end: &str| asked.iter().filter(|asked| asked.ends_with(end)).count() as u64;
        let processors = told["processors"].as_u64();
        ensure!(processors == Some(of("build=worker_threads")), "{asked:?}");
        ensure!(of("&broken") > 0, "{asked:?}");
        ensure!(of("build=worker_relaxed") == 0, "{asked:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_isolated_page_answers_with_threads() -> Result<()> {
    let picture = fixture()?.pictures[2].clone();
    Browser::with(async |browser| {
        let server = PageServer::routing(serve::router(&page_folder()?)).await?;
        let page = Page::open(browser, &server.url).await?;
        let first = page.first_answer().await?;
        let told = "return document.querySelector('[data-testid=device]').textContent
            .includes(` on ${navigator.hardwareConcurrency} threads`)";
        let is_told: bool = page.script(told, vec![]).await?;
        ensure!(is_told, "the page does not say how many threads compute");
        let second = page
            .answer_after(async || page.choose_file("image-input", &picture).await)
            .await?;
        ensure!(
            second.cards != first.cards,
            "another picture, the very same answer"
        );
        nothing_amiss(browser, &page).await
    })
    .await
}
