//! A real headless Chromium, steered through chromedriver.

use std::env;
use std::fs::{self, File};
use std::future::poll_fn;
use std::io::{BufRead, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::task::Poll;

use anyhow::{Context, Result, anyhow, bail};
use axum::http::Method;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

use crate::target_folder;

/// What Chromium is started with: no window, no sandbox (tests may run as root in
/// a container), and nothing that talks to the network on its own account.
const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // A camera that is none: a test pattern that moves.
    "--use-fake-device-for-media-stream",
];

/// Waits until no other run of browser tests is going on, and keeps others waiting as
/// long as this process lives: runs share folders, and the time of the machine.
pub fn only_run() -> Result<()> {
    static LOCK: OnceLock<Result<File, String>> = OnceLock::new();
    let take = || -> Result<File> {
        let path = target_folder()?.join("browser-tests.lock");
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        file.lock().context("the lock of the browser tests")?;
        Ok(file)
    };
    let lock = LOCK.get_or_init(|| take().map_err(|error| format!("{error:#}")));
    lock.as_ref()
        .map(|_| ())
        .map_err(|error| anyhow!("{error}"))
}

/// Keys that change what others mean.
const HELD: [Key; 3] = [Key::Shift, Key::Control, Key::Alt];

/// A browser with a fresh profile.
pub struct Browser {
    pub client: Client,
    _driver: Driver,
    _profile: TempDir,
}

impl Browser {
    /// Starts chromedriver on a free port, and Chromium through it: those that
    /// `CHROMEDRIVER` and `CHROMIUM` name, or that are on `PATH`.
    async fn start() -> Result<Self> {
        only_run()?;
        let driver = Driver::start()?;
        let profile = tempfile::tempdir().context("no folder for the browser's profile")?;
        let mut arguments = ARGUMENTS.map(String::from).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let mut options = json!({ "args": arguments });
        if let Some(chromium) = env::var_os("CHROMIUM") {
            options["binary"] = json!(PathBuf::from(chromium));
        }
        let capabilities: Capabilities = serde_json::from_value(json!({
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
            // Tests that compute for long share the processors with others.
            "timeouts": { "script": 120_000 },
        }))?;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&driver.url).await.context(
            "chromedriver could not start Chromium\nhint: `cargo xtask setup` installs both, or \
             name a fitting pair in CHROMIUM and CHROMEDRIVER",
        )?;
        Ok(Self {
            client,
            _driver: driver,
            _profile: profile,
        })
    }

    /// Makes the viewport exactly this large, which no window size can do: a
    /// window has a frame, and a least width.
    pub async fn set_viewport(&self, width: u32, height: u32, phone: bool) -> Result<()> {
        let parameters = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone,
        });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": parameters });
        self.vendor("goog/cdp/execute", command).await?;
        Ok(())
    }

    /// Runs `script` in every document before its own scripts, from the next one on.
    pub async fn before_each_document(&self, script: &str) -> Result<()> {
        let parameters = json!({ "source": script });
        let name = "Page.addScriptToEvaluateOnNewDocument";
        let command = json!({ "cmd": name, "params": parameters });
        self.vendor("goog/cdp/execute", command).await?;
        Ok(())
    }

    /// A command of Chromium's own protocol for developer tools; its answer.
    pub async fn devtools(&self, name: &str, parameters: Value) -> Result<Value> {
        let command = json!({ "cmd": name, "params": parameters });
        self.vendor("goog/cdp/execute", command).await
    }

    /// Presses keys where the focus is. Shift, Control and Alt are held until `Key::Null`.
    pub async fn press(&self, keys: &str) -> Result<()> {
        // Keys that are sent to a file picker would be taken for a path.
        let mut actions = KeyActions::new("keyboard".into());
        let mut held = Vec::new();
        for value in keys.chars() {
            if value == char::from(Key::Null) {
                for value in held.drain(..) {
                    actions = actions.then(KeyAction::Up { value });
                }
                continue;
            }
            actions = actions.then(KeyAction::Down { value });
            match HELD.map(char::from).contains(&value) {
                true => held.push(value),
                false => actions = actions.then(KeyAction::Up { value }),
            }
        }
        for value in held {
            actions = actions.then(KeyAction::Up { value });
        }
        self.client
            .perform_actions(actions)
            .await
            .with_context(|| format!("pressing {keys:?}"))
    }

    /// Saves what the page gives to download in `folder`.
    pub async fn downloads_into(&self, folder: &Path) -> Result<()> {
        let parameters = json!({ "behavior": "allow", "downloadPath": folder });
        let command = json!({ "cmd": "Browser.setDownloadBehavior", "params": parameters });
        self.vendor("goog/cdp/execute", command).await?;
        Ok(())
    }

    /// Saves what the viewport shows as `TARGET/screenshots/{name}.png`.
    pub async fn save_screenshot(&self, name: &str) -> Result<PathBuf> {
        let folder = target_folder()?.join("screenshots");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let path = folder.join(format!("{name}.png"));
        let image = self.client.screenshot().await.context("no screenshot")?;
        fs::write(&path, image).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// What the console got since the last call, at the levels `WARNING` and
    /// `SEVERE`, uncaught errors and failed requests included.
    pub async fn console_complaints(&self) -> Result<Vec<String>> {
        let log = self.vendor("se/log", json!({ "type": "browser" })).await?;
        let entries = log
            .as_array()
            .with_context(|| format!("not a log: {log}"))?;
        let complaint = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
        Ok(entries
            .iter()
            .filter(complaint)
            .map(|entry| entry["message"].to_string())
            .collect())
    }

    /// Starts a browser for `test`, and ends it whatever becomes of the test: a
    /// Chromium that nobody closed outlives its chromedriver.
    pub async fn with<T>(test: impl AsyncFnOnce(&Self) -> Result<T>) -> Result<T> {
        let browser = Self::start().await?;
        let outcome = caught(test(&browser)).await;
        let closed = browser.client.clone().close().await;
        match outcome {
            Ok(outcome) => {
                let value = outcome?;
                closed.context("cannot close the browser")?;
                Ok(value)
            }
            Err(panic) => resume_unwind(panic),
        }
    }

    async fn vendor(&self, path: &'static str, body: Value) -> Result<Value> {
        let command = Vendor { path, body };
        self.client
            .issue_cmd(command)
            .await
            .with_context(|| format!("the driver's {path}"))
    }
}

/// What `future` comes to, a panic included.
async fn caught<T>(future: impl Future<Output = T>) -> std::thread::Result<T> {
    let mut future = pin!(future);
    poll_fn(
        move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

/// A command that is chromedriver's own.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// A running chromedriver, killed when dropped.
struct Driver {
    process: Child,
    url: String,
}

impl Driver {
    /// Starts one. The free port that it looks for may be taken before it listens there.
    fn start() -> Result<Self> {
        const ATTEMPTS: usize = 5;
        let mut started = Self::start_once();
        for _ in 1..ATTEMPTS {
            match &started {
                Err(error) if error.to_string().contains("port not available") => {
                    started = Self::start_once();
                }
                _ => break,
            }
        }
        started
    }

    fn start_once() -> Result<Self> {
        let program = env::var_os("CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let shown = Path::new(&program).display().to_string();
        let mut command = Command::new(&program);
        command
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let process = command.spawn().map_err(|error| {
            anyhow!("cannot start {shown}: {error}\nhint: `cargo xtask setup` installs it")
        })?;
        let mut driver = Self {
            process,
            url: String::new(),
        };
        let stdout = driver
            .process
            .stdout
            .take()
            .context("chromedriver has no output")?;
        let mut stdout = BufReader::new(stdout);
        let port = port_of(&mut stdout)?;
        // Read on, so that it never waits for its own output to be taken.
        std::thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
        driver.url = format!("http://127.0.0.1:{port}");
        Ok(driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The port in `ChromeDriver was started successfully on port 41234.`
fn port_of(stdout: &mut impl BufRead) -> Result<u16> {
    let mut said = String::new();
    while stdout
        .read_line(&mut said)
        .context("reading chromedriver's output")?
        > 0
    {
        let line = said.lines().last().unwrap_or_default();
        if let Some((_, port)) = line.split_once("successfully on port ") {
            return port
                .trim()
                .trim_end_matches('.')
                .parse()
                .with_context(|| line.to_string());
        }
    }
    bail!("chromedriver ended without naming its port: {said}")
}
