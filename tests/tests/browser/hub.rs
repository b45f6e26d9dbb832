//! Models of the Hub in the page: looked up, downloaded by ranges, kept, opened
//! without a network, removed. The Hub is this machine's, on the page's own host.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use clipwright_tests::{Browser, Fault, HUB_PATH, HubServer, Page, Request, page_folder, succeeds};
use serde_json::{Value, json};

use super::binary::{Binary, same_rankings};
use super::{TOLERANCE, fixture};

const REPOSITORY: &str = "owner/tiny-clip";
const WEIGHTS: &str = "model.safetensors";

/// The embedded model as transformers would keep it: weights and a configuration,
/// and a tensor beside them that no CLIP needs.
struct Model {
    folder: PathBuf,
    weights: Vec<u8>,
    config: Vec<u8>,
    /// Bytes of the tensors, without what is not needed.
    wanted: usize,
}

fn model() -> Result<&'static Model> {
    static MODEL: OnceLock<Result<Model, String>> = OnceLock::new();
    let made = MODEL.get_or_init(|| make_model().map_err(|error| format!("{error:#}")));
    made.as_ref().map_err(|error| anyhow!("the model: {error}"))
}

fn make_model() -> Result<Model> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser-hub");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    succeeds(&folder, "convert tiny --naming hugging-face --out model")?;
    let folder = folder.join("model");
    let plain = fs::read(folder.join(WEIGHTS))?;
    let (weights, wanted) = with_buffer(&plain)?;
    fs::write(folder.join(WEIGHTS), &weights)?;
    Ok(Model {
        config: fs::read(folder.join("config.json"))?,
        folder,
        weights,
        wanted,
    })
}

/// The file with a large buffer in front of all tensors, and how many bytes those have.
fn with_buffer(file: &[u8]) -> Result<(Vec<u8>, usize)> {
    const BUFFER: usize = 512 << 10;
    let (length, rest) = file.split_first_chunk::<8>().context("no length")?;
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: serde_json::Map<String, Value> = serde_json::from_slice(header)?;
    for (name, tensor) in &mut header {
        if name == "__metadata__" {
            continue;
        }
        for at in 0..2 {
            let offset = tensor["data_offsets"][at].as_u64().context("no offset")?;
            tensor["data_offsets"][at] = json!(offset + BUFFER as u64);
        }
    }
    let buffer = json!({ "dtype": "U8", "shape": [BUFFER], "data_offsets": [0, BUFFER] });
    header.insert("text_model.embeddings.position_ids".into(), buffer);
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = (header.len() as u64).to_le_bytes();
    let file = [&length[..], &header, &[0; BUFFER], data].concat();
    Ok((file, data.len()))
}

/// A page with a Hub that has the model.
async fn with_hub(test: impl AsyncFnOnce(&Browser, &Page<'_>, &HubServer) -> Result<()>) {
    let outcome = Browser::with(async |browser| {
        let (hub, model) = (HubServer::start_with_page(page_folder()?)?, model()?);
        let files: [(&str, &[u8]); 4] = [
            ("README.md", b"a model"),
            ("config.json", &model.config),
            (WEIGHTS, &model.weights),
            ("pytorch_model.bin", b"the same once more"),
        ];
        hub.commit(REPOSITORY, "main", &files);
        browser.set_viewport(1280, 900, false).await?;
        let page = Page::open(browser, &url(&hub)).await?;
        page.first_answer().await?;
        test(browser, &page, &hub).await
    });
    if let Err(error) = outcome.await {
        panic!("{error:#}");
    }
}

fn url(hub: &HubServer) -> String {
    format!("{}/?hub={HUB_PATH}", hub.url)
}

async fn open_panel(page: &Page<'_>) -> Result<()> {
    page.click("model-status").await?;
    sees(page, "the panel", "[data-testid=model-picker][open]").await
}

/// Waits until the page shows something that fits `selector`.
async fn sees(page: &Page<'_>, what: &str, selector: &str) -> Result<()> {
    let condition = format!("document.querySelector({})", json!(selector));
    page.wait_for(what, &condition).await
}

async fn look_up(page: &Page<'_>, name: &str) -> Result<()> {
    page.type_over("hub-input", name).await?;
    page.click("hub-look-up").await
}

/// Looks the model up, and waits for what was found.
async fn find(page: &Page<'_>) -> Result<()> {
    look_up(page, REPOSITORY).await?;
    sees(page, "what was found", "[data-testid=hub-download]:enabled").await
}

/// Waits until the model of the Hub is open and has answered. While it is fetched the
/// status names it too, behind the model that is open.
async fn opened(page: &Page<'_>) -> Result<()> {
    let condition = format!(
        "document.querySelector('[data-testid=model-status] strong').textContent === {}",
        json!(REPOSITORY)
    );
    page.wait_for("the model of the Hub is the page's", &condition)
        .await?;
    page.is_ready().await?;
    page.first_answer().await.map(drop)
}

/// Waits until the page tells that so many percent have come.
async fn has_come(page: &Page<'_>, percent: u32) -> Result<()> {
    let now =
        "document.querySelector('[data-testid=hub-transfer] [role=progressbar]')?.ariaValueNow";
    page.wait_for(
        "some bytes are here",
        &format!("Number({now}) >= {percent}"),
    )
    .await
}

/// First and last bytes of the ranges that were asked for.
fn ranges(requests: &[Request]) -> Vec<(usize, usize)> {
    let ranges = requests.iter().filter(|request| request.is_for_bytes());
    let limits = ranges.filter_map(|request| {
        let (first, last) = request
            .range
            .as_deref()?
            .strip_prefix("bytes=")?
            .split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()?))
    });
    limits.collect()
}

fn bytes(ranges: &[(usize, usize)]) -> usize {
    ranges.iter().map(|(first, last)| last + 1 - first).sum()
}

#[tokio::test]
async fn a_model_of_the_hub_is_fetched_kept_and_answers_as_the_binary_does() {
    let fixture = fixture().unwrap();
    with_hub(async |browser, page, hub| {
        let model = model()?;
        open_panel(page).await?;
        find(page).await?;
        let found = page.text("hub-found").await?;
        for part in [REPOSITORY, "7.4", "MB to download", WEIGHTS, "config.json"] {
            ensure!(found.contains(part), "no {part:?} in {found}");
        }
        let script = "return Number(document.querySelector('[data-testid=hub-found]').dataset.bytes)";
        let told: usize = page.script(script, vec![]).await?;
        ensure!(told == model.wanted, "{told} bytes are told, {} are wanted", model.wanted);
        browser.save_screenshot("models-found").await?;

        hub.requests();
        page.click("hub-download").await?;
        opened(page).await?;
        let fetched = bytes(&ranges(&hub.requests()));
        ensure!(fetched == model.wanted, "{fetched} bytes were fetched");

        let picture = &fixture.pictures[1];
        page.answer_after(async || page.choose_file("image-input", picture).await)
            .await?;
        compare(page, picture, &model.folder).await?;

        // After a reload it is listed, and opened without a word to the Hub.
        hub.requests();
        let page = &Page::open(browser, &url(hub)).await?;
        open_panel(page).await?;
        sees(page, "the model is listed", "[data-testid=device-model][data-whole=true]").await?;
        browser.set_viewport(390, 844, true).await?;
        browser.save_screenshot("models-phone").await?;
        browser.set_viewport(1280, 900, false).await?;
        page.click("device-open").await?;
        opened(page).await?;
        page.answer_after(async || page.choose_file("image-input", picture).await)
            .await?;
        compare(page, picture, &model.folder).await?;
        let asked = hub.requests();
        ensure!(asked.is_empty(), "the Hub was asked {asked:?}");

        open_panel(page).await?;
        sees(page, "the model is listed", "[data-testid=device-model]").await?;
        page.click("device-remove").await?;
        sees(page, "the list is empty", "[data-testid=model-picker]:not(:has([data-testid=device-model]))").await?;
        let script = "return caches.open('clipwright-models').then(cache => cache.keys()).then(keys => keys.length)";
        let left: usize = page.script(script, vec![]).await?;
        ensure!(left == 0, "{left} entries are left");
        let complaints = browser.console_complaints().await?;
        ensure!(complaints.is_empty(), "the console: {complaints:#?}");
        Ok(())
    })
    .await;
}

/// The page's answer for the chosen picture is the binary's on `model`.
async fn compare(page: &Page<'_>, picture: &Path, model: &Path) -> Result<()> {
    let classes = page.class_names().await?;
    let answer = page.first_answer().await?;
    let binary = Binary {
        folder: Path::new(env!("CARGO_TARGET_TMPDIR")),
        model,
        learned: &[],
        templates: &[page.template().await?],
    };
    let native = binary.rankings(&classes, picture)?;
    same_rankings(&answer.cards, &native, &classes, TOLERANCE).map(drop)
}

#[tokio::test]
async fn a_download_that_breaks_goes_on_with_the_bytes_that_are_missing() {
    let fixture = fixture().unwrap();
    with_hub(async |browser, page, hub| {
        let model = model()?;
        open_panel(page).await?;
        find(page).await?;
        hub.requests();
        // The line breaks once, and is mended without a word.
        hub.fail(&[Fault::Stall(1_000_000)]);
        page.click("hub-download").await?;
        has_come(page, 10).await?;
        hub.hang_up();
        opened(page).await?;
        let asked = ranges(&hub.requests());
        let [first, second] = asked[..] else {
            anyhow::bail!("expected two requests: {asked:?}");
        };
        // A browser drops what came and was not yet handed on when the line broke.
        let came = model.wanted / 10..=1_000_000;
        ensure!(
            came.contains(&(second.0 - first.0)) && second.1 == first.1,
            "{asked:?}"
        );
        let picture = &fixture.pictures[1];
        page.answer_after(async || page.choose_file("image-input", picture).await)
            .await?;
        compare(page, picture, &model.folder).await?;

        // It stays away: the person is told, and goes on after a reload.
        open_panel(page).await?;
        sees(
            page,
            "the model is listed",
            "[data-testid=device-remove]:enabled",
        )
        .await?;
        page.click("device-remove").await?;
        sees(
            page,
            "the list is empty",
            "[data-testid=model-picker]:not(:has([data-testid=device-model]))",
        )
        .await?;
        find(page).await?;
        hub.requests();
        hub.fail(&[Fault::Stall(1_700_000)]);
        hub.fail(&[Fault::Break(0); 4]);
        page.click("hub-download").await?;
        has_come(page, 20).await?;
        hub.hang_up();
        page.error_with("cannot be reached").await?;
        browser.save_screenshot("models-stopped").await?;
        let first = ranges(&hub.requests());
        let page = &Page::open(browser, &url(hub)).await?;
        open_panel(page).await?;
        sees(
            page,
            "a part is listed",
            "[data-testid=device-model][data-whole=false]",
        )
        .await?;
        page.click("device-continue").await?;
        opened(page).await?;
        let rest = ranges(&hub.requests());
        let (before, after) = (first[0].0, rest[0].0);
        let came = model.wanted / 5..=1_700_000;
        ensure!(
            after > before && came.contains(&(after - before)),
            "{first:?}, then {rest:?}"
        );
        let missing = model.wanted - (after - before);
        ensure!(
            bytes(&rest) == missing,
            "{rest:?}; {missing} bytes were missing"
        );
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_download_is_cancelled_and_a_server_without_ranges_will_do() {
    with_hub(async |_, page, hub| {
        open_panel(page).await?;
        find(page).await?;
        hub.fail(&[Fault::Stall(900_000)]);
        page.click("hub-download").await?;
        has_come(page, 10).await?;
        page.click("hub-cancel").await?;
        sees(page, "it has stopped", "[data-testid=hub-continue]").await?;
        hub.requests();
        hub.fail(&[Fault::NoRange]);
        page.click("hub-continue").await?;
        opened(page).await?;
        let asked = ranges(&hub.requests());
        ensure!(asked.len() == 1, "{asked:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_had_is_said_with_a_hint() {
    with_hub(async |browser, page, hub| {
        let model = model()?;
        hub.commit("owner/private", "main", &[(WEIGHTS, &model.weights)]);
        hub.make_private("owner/private");
        hub.commit("owner/empty", "main", &[("README.md", b"nothing")]);
        hub.commit(
            "owner/other",
            "main",
            &[(WEIGHTS, &fs::read(&fixture()?.learned)?)],
        );
        hub.commit("owner/broken", "main", &[(WEIGHTS, b"<!doctype html>")]);
        open_panel(page).await?;
        for (name, words) in [
            ("not a name", "is no repository"),
            ("https://example.com/owner/name", "not the Hugging Face Hub"),
            ("owner/private", "(401)"),
            ("owner/nothing", "(401)"),
            ("owner/tiny-clip@v9", "no such revision"),
            ("owner/empty", "no weights"),
            ("owner/other", "o CLIP is in"),
            ("owner/broken", "no safetensors"),
        ] {
            look_up(page, name).await?;
            page.error_with(words).await?;
            sees(page, "a hint", "[data-testid=error] .problem-hint").await?;
        }
        browser.save_screenshot("models-refused").await?;
        // And it goes on.
        find(page).await
    })
    .await;
}

/// Makes the device's store refuse everything, as a full one does.
const FULL: &str = "
    Cache.prototype.put = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));";

#[tokio::test]
async fn a_device_without_room_uses_the_model_all_the_same() {
    with_hub(async |browser, page, hub| {
        browser.before_each_document(FULL).await?;
        drop(page.first_answer().await?);
        let page = &Page::open(browser, &url(hub)).await?;
        open_panel(page).await?;
        find(page).await?;
        page.click("hub-download").await?;
        page.error_with("no room").await?;
        page.click("picker-close").await?;
        opened(page).await?;
        let page = &Page::open(browser, &url(hub)).await?;
        open_panel(page).await?;
        sees(
            page,
            "an empty list",
            "[data-testid=model-picker]:not(:has([data-testid=device-model]))",
        )
        .await
    })
    .await;
}

#[tokio::test]
async fn another_hosts_hub_is_refused() {
    with_hub(async |browser, _, hub| {
        let elsewhere = format!("{}/?hub=https://example.com/hub", hub.url);
        let page = &Page::open(browser, &elsewhere).await?;
        open_panel(page).await?;
        look_up(page, REPOSITORY).await?;
        page.error_with("odels are not fetched from").await?;
        let foreign = page.foreign_requests().await?;
        let foreign: Vec<&String> = foreign
            .iter()
            .filter(|request| !request.starts_with(&hub.url))
            .collect();
        ensure!(foreign.is_empty(), "{foreign:?}");
        Ok(())
    })
    .await;
}
