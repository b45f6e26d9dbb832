//! The golden cases again, in the browser build and a headless Chromium. The
//! folder is that of `golden`: `tests/golden`, or what `CLIPWRIGHT_GOLDEN` names.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clipwright_tests::golden::{self, Files, report};
use clipwright_tests::{Browser, GoldenServer};

/// The draws of few-shot samples belong to the native trainer, and are not part
/// of the page.
const NATIVE_ONLY: [&str; 1] = ["fewshot/"];

/// A model of a few hundred thousand weights takes milliseconds; this is for the
/// slowest machine.
const TIMEOUT: Duration = Duration::from_secs(300);

fn main() {
    let root = golden::root();
    let files = Files::read(&root).expect("the golden folder can be read");
    let in_browser = |path: &&str| !NATIVE_ONLY.iter().any(|room| path.starts_with(room));
    let cases: Vec<String> = files.cases().filter(in_browser).map(String::from).collect();
    let paths: Vec<String> = files.paths().map(String::from).collect();
    let runtime = tokio::runtime::Runtime::new().expect("an asynchronous runtime");
    let outcomes = runtime.block_on(async {
        let server = GoldenServer::start(&root, &paths, &cases).await?;
        Browser::with(async |browser| outcomes(browser, &server.url).await).await
    });
    let outcomes = outcomes.unwrap_or_else(|error| {
        BTreeMap::from([("the browser".to_string(), Some(format!("{error:#}")))])
    });
    let all = outcomes.len() >= cases.len();
    let named = outcomes.into_iter().map(|(case, problem)| {
        let outcome = problem.map_or(Ok(()), |problem| Err(anyhow::anyhow!(problem)));
        (case, outcome)
    });
    report("golden in Chromium", named);
    assert!(all, "the page did not come to the end of the cases");
}

/// What the page found, once it is done.
async fn outcomes(browser: &Browser, url: &str) -> Result<BTreeMap<String, Option<String>>> {
    browser.client.goto(url).await.context("the page")?;
    let start = Instant::now();
    while start.elapsed() < TIMEOUT {
        let script = "return window.outcomes ?? null";
        let found = browser.client.execute(script, Vec::new()).await?;
        if !found.is_null() {
            return serde_json::from_value(found).context("the outcomes");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let said = browser.console_complaints().await?;
    bail!("no outcome after {TIMEOUT:?}; the console: {said:#?}")
}
