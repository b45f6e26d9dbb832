//! The page as a person uses it: by what is on it (`data-testid`), never by how it
//! is made.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fantoccini::Locator;
use fantoccini::elements::Element;
use fantoccini::key::Key;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Browser;

/// How long anything on the page may take, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// One answer of the page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Results {
    /// Another one with every answer.
    pub id: String,
    pub cards: Vec<Card>,
}

/// One learner's card.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Card {
    pub learner: String,
    pub method: String,
    /// As they are ranked.
    pub rows: Vec<Row>,
}

/// One class of a card.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Row {
    pub class: String,
    pub probability: f64,
}

/// An open page.
pub struct Page<'a> {
    browser: &'a Browser,
    url: String,
}

impl<'a> Page<'a> {
    /// Opens the page and waits until its model is ready.
    pub async fn open(browser: &'a Browser, url: &str) -> Result<Self> {
        let page = Self::at(browser, url).await?;
        page.is_ready().await?;
        Ok(page)
    }

    /// Opens `url`, and waits for nothing.
    pub async fn at(browser: &'a Browser, url: &str) -> Result<Self> {
        browser
            .client
            .goto(url)
            .await
            .with_context(|| format!("opening {url}"))?;
        Ok(Self {
            browser,
            url: url.into(),
        })
    }

    /// Waits until a model is open, as after a reload.
    pub async fn is_ready(&self) -> Result<()> {
        self.wait_until("the model is ready", async || {
            let status = self.text("model-status").await?;
            Ok(status.contains("ready").then_some(()))
        })
        .await
    }

    /// Runs `script` in the page; its `return` value.
    pub async fn script<T: DeserializeOwned>(&self, script: &str, with: Vec<Value>) -> Result<T> {
        let value = self
            .browser
            .client
            .execute(script, with)
            .await
            .context("a page's script")?;
        serde_json::from_value(value.clone()).with_context(|| format!("unexpected: {value}"))
    }

    /// The text of all elements of that test id, one a line; empty if there are none.
    pub async fn text(&self, test_id: &str) -> Result<String> {
        let script = "return [...document.querySelectorAll(arguments[0])]
            .map(element => element.textContent.trim()).join('\\n')";
        self.script(script, vec![json!(selector(test_id))]).await
    }

    /// The class names, in their order.
    pub async fn class_names(&self) -> Result<Vec<String>> {
        let script = "return [...document.querySelectorAll('[data-testid=class-chip]')]
            .map(chip => chip.dataset.class)";
        self.script(script, vec![]).await
    }

    /// The template as it stands in its field.
    pub async fn template(&self) -> Result<String> {
        let script = "return document.querySelector('[data-testid=template-input]').value";
        self.script(script, vec![]).await
    }

    /// What is shown, unless there is nothing yet or a newer answer is on its way.
    pub async fn results(&self) -> Result<Option<Results>> {
        let script = "
            const container = document.querySelector('[data-result-id]');
            if (!container || container.ariaBusy !== 'false') return null;
            const all = (element, id) => [...element.querySelectorAll(`[data-testid=${id}]`)];
            return {
                id: container.dataset.resultId,
                cards: all(container, 'learner-card').map(card => ({
                    learner: card.dataset.learner,
                    method: card.dataset.method,
                    rows: all(card, 'result-row').map(row => ({
                        class: row.dataset.class,
                        probability: Number(row.dataset.probability),
                    })),
                })),
            };";
        self.script(script, vec![]).await
    }

    /// The first answer.
    pub async fn first_answer(&self) -> Result<Results> {
        self.wait_until("an answer is shown", async || self.results().await)
            .await
    }

    /// The answer that follows `act`.
    pub async fn answer_after(&self, act: impl AsyncFnOnce() -> Result<()>) -> Result<Results> {
        let before = self.first_answer().await?.id;
        act().await?;
        self.wait_until("a new answer is shown", async || {
            Ok(self.results().await?.filter(|results| results.id != before))
        })
        .await
    }

    /// Waits for an error that says `words`; all that it says.
    pub async fn error_with(&self, words: &str) -> Result<String> {
        self.wait_until(&format!("an error says {words:?}"), async || {
            Ok(Some(self.text("error").await?).filter(|error| error.contains(words)))
        })
        .await
    }

    /// Clicks the first element of that test id.
    pub async fn click(&self, test_id: &str) -> Result<()> {
        self.element(test_id)
            .await?
            .click()
            .await
            .with_context(|| format!("clicking {test_id}"))
    }

    /// Types `text` over what the input of that test id holds.
    pub async fn type_over(&self, test_id: &str, text: &str) -> Result<()> {
        let select_all = format!("{}a{}", char::from(Key::Control), char::from(Key::Null));
        let keys = select_all + text;
        let input = self.element(test_id).await?;
        input
            .send_keys(&keys)
            .await
            .with_context(|| format!("typing {text:?} into {test_id}"))
    }

    /// Chooses a file in the file input of that test id.
    pub async fn choose_file(&self, test_id: &str, path: &Path) -> Result<()> {
        let path = path
            .to_str()
            .with_context(|| format!("{} is no UTF-8", path.display()))?;
        let input = self.element(test_id).await?;
        input
            .send_keys(path)
            .await
            .with_context(|| format!("choosing {path} in {test_id}"))
    }

    /// Drops `bytes` as a file onto the page, with the events of a real drop.
    pub async fn drop_file(&self, name: &str, media_type: &str, bytes: &[u8]) -> Result<()> {
        let script = "
            const [selector, name, type, bytes] = arguments;
            const zone = document.querySelector(selector);
            if (!zone) return false;
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
            for (const event of ['dragenter', 'dragover', 'drop'])
                zone.dispatchEvent(new DragEvent(event,
                    { bubbles: true, cancelable: true, composed: true, dataTransfer }));
            return true;";
        let with = vec![
            json!(selector("drop-zone")),
            json!(name),
            json!(media_type),
            json!(bytes),
        ];
        let dropped: bool = self.script(script, with).await?;
        ensure!(dropped, "there is no drop-zone on the page");
        Ok(())
    }

    /// Scrolls everything back and takes the focus off, for a picture.
    pub async fn show_from_the_top(&self) -> Result<()> {
        let script = "
            document.activeElement?.blur();
            for (const element of [document.scrollingElement, ...document.querySelectorAll('*')])
                element.scrollTop = 0;";
        self.script(script, vec![]).await
    }

    /// What the page loaded from elsewhere than its own host.
    pub async fn foreign_requests(&self) -> Result<Vec<String>> {
        let script = "return performance.getEntriesByType('resource').map(entry => entry.name)";
        let mut requests: Vec<String> = self.script(script, vec![]).await?;
        ensure!(!requests.is_empty(), "the page lists no requests at all");
        let own = self.url.split(['#', '?']).next().unwrap_or_default();
        let blob = format!("blob:{own}");
        requests.retain(|request| !request.starts_with(own) && !request.starts_with(&blob));
        Ok(requests)
    }

    async fn element(&self, test_id: &str) -> Result<Element> {
        let selector = selector(test_id);
        let found = self.browser.client.find(Locator::Css(&selector)).await;
        found.with_context(|| format!("nothing on the page is {selector}"))
    }

    /// Waits until `condition` holds in the page, a JavaScript expression.
    pub async fn wait_for(&self, what: &str, condition: &str) -> Result<()> {
        let script = format!("return !!({condition})");
        self.wait_until(what, async || {
            let holds: bool = self.script(&script, vec![]).await?;
            Ok(holds.then_some(()))
        })
        .await
    }

    /// Looks until `look` sees something.
    pub async fn wait_until<T>(
        &self,
        what: &str,
        look: impl AsyncFn() -> Result<Option<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
            if start.elapsed() > PATIENCE {
                let text: String = self
                    .script("return document.body.innerText", vec![])
                    .await?;
                let console = self.browser.console_complaints().await?.join("\n");
                bail!("waited {PATIENCE:?} until {what}; the page says:\n{text}\n{console}");
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}

fn selector(test_id: &str) -> String {
    format!("[data-testid={test_id}]")
}
