//! The engine as an ES module: the example, and each function from a page of its own.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::Request;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use clipwright_tests::{
    Browser, PageServer, page_folder, repository_root, run_clipwright, succeeds,
};
use serde_json::{Value, json};
use tower_http::services::ServeDir;

use super::binary::Binary;
use super::{TOLERANCE, fixture};

const TEMPLATE: &str = "a photo of a {}.";

/// Runs `body`, the inside of an async function with `load` and the learned file's bytes
/// at hand; what it returns, or the error's text.
pub async fn run(browser: &Browser, body: &str) -> Result<Value> {
    run_with(browser, body, &fixture()?.learned).await
}

/// The same with another learned file.
async fn run_with(browser: &Browser, body: &str, learned: &Path) -> Result<Value> {
    let script = format!(
        "const [learned, image, done] = arguments;
        (async () => {{
            const {{ load, ClipwrightError }} = await import('./clipwright.js');
            const bytes = (list) => new Uint8Array(list);
            {body}
        }})().then(done, (error) => done({{ failed: String(error), hint: error.hint }}));"
    );
    let with = vec![
        json!(fs::read(learned)?),
        json!(fs::read(&fixture()?.pictures[2])?),
    ];
    let answer = browser.client.execute_async(&script, with).await;
    answer.context("a script with the module")
}

/// Opens a page that is no clipwright's own, in the folder of the built page.
async fn elsewhere(browser: &Browser) -> Result<PageServer> {
    let server = PageServer::start().await?;
    browser
        .client
        .goto(&format!("{}js/example.html", server.url))
        .await?;
    Ok(server)
}

#[tokio::test]
async fn the_example_says_what_is_on_the_picture() -> Result<()> {
    ensure!(page_folder()?.join("js/clipwright.d.ts").is_file());
    Browser::with(async |browser| {
        let server = PageServer::start().await?;
        browser
            .client
            .goto(&format!("{}js/example.html", server.url))
            .await?;
        let mut said = Value::Null;
        for _ in 0..600 {
            let script = "return document.querySelector('output').textContent";
            said = browser.client.execute(script, vec![]).await?;
            if said != "" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        ensure!(said == "yellow plain cross", "{said}");
        let complaints = browser.console_complaints().await?;
        let complaints: Vec<_> = complaints
            .into_iter()
            .filter(|line| !line.contains("favicon"))
            .collect();
        ensure!(complaints.is_empty(), "the console: {complaints:#?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_module_answers_as_the_binary_does() -> Result<()> {
    let fixture = fixture()?;
    let classes = [
        "azure banded wedge",
        "rosy tiled plus",
        "violet banded hoop",
    ]
    .map(String::from);
    let binary = Binary {
        folder: &fixture.folder,
        model: "tiny".as_ref(),
        learned: std::slice::from_ref(&fixture.learned),
        templates: &[TEMPLATE.into()],
    };
    let expected = binary.rankings(&classes, &fixture.pictures[2])?;
    Browser::with(async |browser| {
        let _server = elsewhere(browser).await?;
        let body = format!(
            "const clip = await load({{
                model: '../model/tiny.safetensors', learned: {{ mine: bytes(learned) }} }});
            const classes = {};
            const file = new File([bytes(image)], 'picture.png');
            const [rankings, features, tuned] = await Promise.all([
                clip.classify(file, classes),
                clip.features(bytes(image)),
                clip.tune(file, classes, {{ views: 3, steps: 2, learningRate: 0.05 }}),
            ]);
            const seen = [];
            await clip.tune(file, classes, {{ views: 3, learned: 'mine', onStep: (it) => seen.push(it.losses.length) }});
            clip.terminate();
            const late = await clip.features(file).catch((error) => error.hint);
            return {{ rankings, features: [...features], tuned, seen, late,
                model: clip.model, learned: clip.learned }};",
            json!(classes)
        );
        let answer = run(browser, &body).await?;
        ensure!(answer["failed"].is_null(), "{answer}");
        for ranking in answer["rankings"].as_array().context("no rankings")? {
            let method = ranking["method"].as_str().context("no method")?;
            let expected = expected.iter().find(|ranking| ranking.method == method);
            let expected = &expected.context("no such method natively")?.classes;
            let rows = ranking["classes"].as_array().context("no classes")?;
            ensure!(rows.len() == 3, "{ranking}");
            for row in rows {
                let class = row["class"].as_str().context("no class")?;
                let got = row["probability"].as_f64().context("no probability")?;
                ensure!((got - expected[class]).abs() < TOLERANCE, "{method} {class}: {got}");
            }
        }
        ensure!(answer["rankings"].as_array().map(Vec::len) == Some(2));
        ensure!(answer["features"].as_array().map(Vec::len) == Some(128));
        ensure!(answer["model"]["embed_dim"] == 128 && answer["learned"][0]["name"] == "mine");
        let tuned = &answer["tuned"];
        ensure!(tuned["losses"].as_array().map(Vec::len) == Some(3), "{tuned}");
        let moved = tuned["moved"][0].as_f64().context("no distance")?;
        ensure!(moved > 0.0, "{tuned}");
        let before = answer["rankings"][0]["classes"][0]["class"].as_str();
        ensure!(tuned["before"][0]["class"].as_str() == before, "{tuned}");
        ensure!(answer["seen"].as_array().is_some_and(|seen| !seen.is_empty()), "{answer}");
        ensure!(answer["late"] == "load it again", "{answer}");
        Ok(())
    })
    .await
}

/// Eight bits cost a feature next to nothing, in both builds of the worker, whose products
/// are made of other instructions.
#[tokio::test]
async fn eight_bits_are_near_in_both_builds_of_the_worker() -> Result<()> {
    /// The least cosine to the feature of the f32 model.
    const NEAR: f64 = 0.995;
    /// The least cosine between the two builds.
    const SAME: f64 = 0.9999;
    let fixture = fixture()?;
    let file = fixture.folder.join("eight-bits.safetensors");
    let convert = ["convert", "tiny", "--dtype", "int8", "--out"].map(OsStr::new);
    let arguments = convert.into_iter().chain([file.as_os_str()]);
    let converted = run_clipwright(&fixture.folder, arguments)?;
    ensure!(converted.status.success(), "{converted:?}");
    let model = json!(fs::read(&file)?);
    let samples = repository_root().join("static/samples");
    let mut pictures = fixture.pictures.clone();
    for entry in fs::read_dir(samples)? {
        let path = entry?.path();
        pictures.extend(
            path.extension()
                .is_some_and(|it| it == "png")
                .then_some(path),
        );
    }
    let pictures = pictures
        .iter()
        .map(fs::read)
        .collect::<Result<Vec<_>, _>>()?;
    Browser::with(async |browser| {
        let _server = elsewhere(browser).await?;
        let body = format!(
            "const small = bytes({model});
            const pictures = {}.map(bytes);
            const features = async (options) => {{
                const clip = await load(options);
                const all = [];
                for (const picture of pictures) all.push([...await clip.features(picture)]);
                clip.terminate();
                return all;
            }};
            const kept = new Blob([small]);
            return [
                await features({{ model: '../model/tiny.safetensors' }}),
                await features({{ model: kept }}),
                await features({{ model: kept, worker: '../worker_loader.js?build=worker' }}),
            ];",
            json!(pictures)
        );
        let answer = run(browser, &body).await?;
        ensure!(answer["failed"].is_null(), "{answer}");
        let [plain, relaxed, other]: [Vec<Vec<f64>>; 3] = serde_json::from_value(answer)?;
        ensure!(plain.len() == pictures.len());
        for (float, (relaxed, other)) in plain.iter().zip(relaxed.iter().zip(&other)) {
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let cosine = |a: &[f64], b: &[f64]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
            let near = [relaxed, other].map(|whole| cosine(float, whole));
            let between = cosine(relaxed, other);
            println!("cosines {near:.5?}, of both {between:.6}");
            ensure!(near.iter().all(|cosine| *cosine > NEAR), "{near:?}");
            // Whole numbers are summed up exactly in both; what lies between is rounded otherwise.
            ensure!(between > SAME, "{between}");
            ensure!(
                float != relaxed && float != other,
                "eight bits change nothing: are they in use?"
            );
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_goes_wrong_is_said() -> Result<()> {
    Browser::with(async |browser| {
        let _server = elsewhere(browser).await?;
        for (body, error, hint) in [
            ("return load({});", "no model was given", true),
            ("return load({ model: bytes([1, 2, 3]) });", "file of an unknown kind", true),
            ("return load({ model: 'nowhere.safetensors' });", "answered 404", false),
            (
                // More than waits for the worker at once, and nothing to be read in pieces.
                "const packed = new Uint8Array(20e6);
                packed.set([0x1f, 0x8b, 8]);
                return load({ model: packed });",
                "packed by gzip",
                true,
            ),
            ("return load({ model: 42 });", "this is number; expected an address", false),
            (
                "return load({ model: '../model/tiny.safetensors', worker: 'nowhere.js' });",
                "the worker stopped",
                true,
            ),
            (
                "const clip = await load({ model: '../model/tiny.safetensors' });
                return clip.classify(bytes([1, 2]), ['a', 'b']);",
                "image",
                true,
            ),
            (
                "const clip = await load({ model: '../model/tiny.safetensors' });
                const stop = new AbortController();
                const tuned = clip.tune(bytes(image), ['a', 'b'], { steps: 500, signal: stop.signal });
                setTimeout(() => stop.abort(), 300);
                return tuned;",
                "AbortError",
                false,
            ),
        ] {
            let answer = run(browser, body).await?;
            let said = answer["failed"].as_str().unwrap_or_default();
            ensure!(said.contains(error), "{body}: {answer}");
            ensure!(answer["hint"].is_string() == hint, "{body}: {answer}");
        }
        Ok(())
    })
    .await
}

/// Whoever encodes views, a worker alone or with helpers, the answer is the same; also when
/// helpers do not get the model.
#[tokio::test]
async fn helpers_change_nothing_but_the_time() -> Result<()> {
    let asked = Arc::new(Mutex::new(Vec::<String>::new()));
    let noted = asked.clone();
    let answer = move |request: Request, next: Next| {
        let asked = request.uri().to_string();
        let before = {
            let mut noted = noted.lock().expect("nobody panics with it");
            noted.push(asked.clone());
            noted.iter().filter(|other| **other == asked).count()
        };
        async move {
            if asked.ends_with("?once") && before > 1 {
                return StatusCode::NOT_FOUND.into_response();
            }
            let mut response = next.run(request).await;
            let never = HeaderValue::from_static("no-store");
            response.headers_mut().insert(CACHE_CONTROL, never);
            response
        }
    };
    let router = Router::new()
        .fallback_service(ServeDir::new(page_folder()?))
        .layer(from_fn(answer));
    Browser::with(async |browser| {
        let server = PageServer::routing(router).await?;
        let example = format!("{}js/example.html", server.url);
        browser.client.goto(&example).await?;
        let body = "
            const tuned = async (helpers, model) => {
                const clip = await load({ model, worker: `../worker_loader.js?helpers=${helpers}` });
                const all = [];
                for (const seed of [1, 2]) all.push(await clip.tune(bytes(image),
                    ['azure banded wedge', 'rosy tiled plus'], { views: 159, seed }));
                clip.terminate();
                return all;
            };
            const own = await (await fetch('../model/tiny.safetensors?bytes')).arrayBuffer();
            const answers = [
                await tuned(0, '../model/tiny.safetensors'),
                await tuned(2, '../model/tiny.safetensors?often'),
                await tuned(1, '../model/tiny.safetensors?once'),
                await tuned(3, new Uint8Array(own)),
            ];
            return own.byteLength > 1e6 ? answers : own.byteLength;";
        let answer = run(browser, body).await?;
        ensure!(answer["failed"].is_null(), "{answer}");
        ensure!(answer[0][0]["losses"][1].is_number(), "{answer}");
        ensure!(answer[0] == answer[1], "two helpers change the answer");
        ensure!(answer[0] == answer[2], "a helper without a model does");
        ensure!(answer[0] == answer[3], "helpers with the page's bytes do");
        let asked = asked.lock().expect("nobody panics with it");
        let times = |end: &str| asked.iter().filter(|asked| asked.ends_with(end)).count();
        ensure!(times("worker_loader.js?helpers=0") == 1, "{asked:#?}");
        ensure!(times("worker_loader.js?helpers=2") == 3, "{asked:#?}");
        ensure!(times("worker_loader.js?helpers=3") == 4, "{asked:#?}");
        ensure!(times("?often") == 3, "{asked:#?}");
        ensure!(times("?once") == 2, "{asked:#?}");
        ensure!(times("?bytes") == 1, "{asked:#?}");
        Ok(())
    })
    .await
}

/// Asks a worker as the page does for views as an adapter sees them, then as the model does,
/// then as the adapter does again.
const ADAPTED: &str = "
    const augmenter = { views: { count: 639, augmix: null,
        crop: { scale: [0.08, 1], ratio: [0.75, 1.33], flip: 0.5, filter: 'bilinear' } } };
    const prompts = { class_names: ['azure banded wedge', 'rosy tiled plus'],
        templates: ['a photo of a {}.'] };
    const seen = async (helpers) => {
        const worker = new Worker(`../worker_loader.js?helpers=${helpers}`, { type: 'module' });
        const heard = () => new Promise((resolve, reject) => {
            worker.onmessage = ({ data }) => {
                const event = JSON.parse(data.json);
                if (event === 'ready' || event.done) resolve(event.done?.answer);
                if (event.failed) reject(new Error(event.failed.message));
            };
        });
        let task = 0;
        const ask = (request, name, content) => {
            const json = JSON.stringify({ do: { task: task++, request } });
            worker.postMessage({ json, files: [{ name, content }] });
            return heard();
        };
        await heard();
        const model = await (await fetch('../model/tiny.safetensors')).blob();
        await ask({ load_model: { name: 'tiny' } }, 'tiny.safetensors', model);
        await ask({ load_learned: { name: 'mine' } }, 'learned.safetensors', bytes(learned).buffer);
        const answers = [];
        for (const [seed, learned] of [[1, 'mine'], [2, 'mine'], [2, null], [3, 'mine']]) {
            const views = { augmenter, seed, learned, prompts };
            answers.push(await ask({ views }, 'image', bytes(image).buffer));
        }
        worker.terminate();
        return answers;
    };
    return [await seen(0), await seen(2)];";

#[tokio::test]
async fn helpers_see_through_an_adapter_as_one_worker_does() -> Result<()> {
    let fixture = fixture()?;
    let learned = fixture.folder.join("adapter/learned.safetensors");
    if !learned.exists() {
        let how = "--model tiny --data data --steps 8 --rank 2 --shots 2 --seed 1 --out adapter";
        succeeds(&fixture.folder, &format!("train lora {how}"))?;
    }
    Browser::with(async |browser| {
        let _server = elsewhere(browser).await?;
        let answer = run_with(browser, ADAPTED, &learned).await?;
        ensure!(answer["failed"].is_null(), "{answer}");
        let views = |at: usize| &answer[0][at]["views"]["views"];
        ensure!(views(1).as_array().map(Vec::len) == Some(640), "{answer}");
        ensure!(views(1) != views(2), "the adapter changes nothing");
        ensure!(answer[0] == answer[1], "helpers change the answer");
        Ok(())
    })
    .await
}
