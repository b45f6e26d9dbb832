//! What one image takes is there for the next: a worker's memory stops growing.

use anyhow::{Result, ensure};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use clipwright_tests::{Browser, PageServer, page_folder};
use tower_http::services::ServeDir;

use super::module;

/// The worker, which tells besides how large its memory is.
const TELLING: &str = "
    const channel = new BroadcastChannel('memory');
    const instantiate = WebAssembly.instantiateStreaming;
    WebAssembly.instantiateStreaming = async (...how) => {
        const made = await instantiate(...how);
        const { memory } = made.instance.exports;
        channel.onmessage = () => channel.postMessage(memory.buffer.byteLength);
        return made;
    };
    const { search } = new URL(import.meta.url);
    await import(`./worker_loader.js${search}`);";

const ASK: &str = "
    const told = [];
    for (const build of ['worker', 'worker_relaxed']) {
        const clip = await load({ model: '../model/tiny.safetensors',
            worker: `../telling_worker.js?helpers=0&build=${build}` });
        const channel = new BroadcastChannel('memory');
        const size = () => new Promise((done) => {
            channel.onmessage = ({ data }) => done(data);
            channel.postMessage('?');
        });
        const one = async () => {
            await clip.features(bytes(image));
            await clip.classify(bytes(image), ['azure banded wedge', 'rosy tiled plus']);
        };
        for (let image = 0; image < 3; image++) await one();
        const before = await size();
        for (let image = 0; image < 20; image++) await one();
        told.push([before, await size()]);
        channel.close();
        clip.terminate();
    }
    return { told };";

#[tokio::test]
async fn images_one_after_another_take_no_more_memory_than_the_first() -> Result<()> {
    Browser::with(async |browser| {
        let script = || async { ([(CONTENT_TYPE, "text/javascript")], TELLING) };
        let router = Router::new()
            .route("/telling_worker.js", get(script))
            .fallback_service(ServeDir::new(page_folder()?));
        let server = PageServer::routing(router).await?;
        let example = format!("{}js/example.html", server.url);
        browser.client.goto(&example).await?;
        let answer = module::run(browser, ASK).await?;
        let told = answer["told"].as_array();
        ensure!(told.is_some_and(|told| told.len() == 2), "{answer}");
        for sizes in told.into_iter().flatten() {
            ensure!(sizes[0].as_u64() > Some(1 << 20), "{answer}");
            ensure!(sizes[0] == sizes[1], "it grows: {answer}");
        }
        Ok(())
    })
    .await
}
