//! Draws the README's moving picture: the built page in a real browser, from a first
//! answer to a prompt that was learned in it. `film FILE.gif`

#[cfg(not(target_arch = "wasm32"))]
mod film {
    use std::env;
    use std::fs::{self, File};
    use std::io::BufWriter;
    use std::time::{Duration, Instant};

    use anyhow::{Context, Result};
    use clipwright_tests::{Browser, Page, PageServer};
    use image::codecs::gif::{GifEncoder, Repeat};
    use image::{Delay, Frame, imageops};

    /// What is filmed, in CSS pixels.
    const VIEWPORT: (u32, u32) = (1180, 800);
    /// What is shown.
    const SIZE: (u32, u32) = (826, 560);
    /// How long a picture stands that is to be read.
    const STILL: u32 = 1800;
    /// Between two pictures of what moves, filmed and shown.
    const MOVING: u32 = 220;
    /// Colours are chosen for each picture: 1 is the most careful, 30 the quickest.
    const QUICKNESS: i32 = 8;

    /// What a person does, and what is filmed of it.
    struct Scene {
        act: &'static str,
        /// When its picture is there.
        shown: &'static str,
        filmed: Filmed,
    }

    enum Filmed {
        Not,
        Still,
        /// What moves until then, and a still.
        Until(&'static str),
    }

    const SCENES: &[Scene] = &[
        Scene {
            act: "",
            shown: "document.querySelector('[data-result-id]')?.ariaBusy === 'false'",
            filmed: Filmed::Still,
        },
        Scene {
            act: "document.querySelectorAll('[data-testid=sample]')[4].click()",
            shown: "document.querySelector('[data-result-id]')?.ariaBusy === 'false'",
            filmed: Filmed::Still,
        },
        Scene {
            act: "document.querySelector('[data-testid=tab-patches]').click()",
            shown: "document.querySelectorAll('[data-testid=patches] [data-testid=view]').length",
            filmed: Filmed::Still,
        },
        Scene {
            act: "document.querySelector('[data-testid=tab-augment]').click()",
            shown: "document.querySelectorAll('[data-testid=augment] [data-testid=view]').length",
            filmed: Filmed::Still,
        },
        Scene {
            act: "document.querySelector('[data-testid=tab-tune]').click()",
            shown: "document.querySelector('[data-testid=tune-start]:enabled')",
            filmed: Filmed::Not,
        },
        Scene {
            act: "document.querySelector('[data-testid=tune-start]').click()",
            shown: "document.querySelector('[data-testid=tune-result]')",
            filmed: Filmed::Until(
                "document.querySelector('[data-testid=tune-result]').dataset.going === 'false'",
            ),
        },
        Scene {
            act: "document.querySelector('[data-testid=tab-train]').click()",
            shown: "document.querySelector('[data-testid=train-lesson]:enabled')",
            filmed: Filmed::Not,
        },
        Scene {
            act: "document.querySelector('[data-testid=train-lesson]').click()",
            shown: "document.querySelector('[data-testid=train-begin]:enabled')",
            filmed: Filmed::Still,
        },
        Scene {
            act: "document.querySelector('[data-testid=train-begin]').click();
                  document.querySelector('[data-testid=train-course]').scrollIntoView()",
            shown: "document.querySelector('[data-testid=train-course]').dataset.epoch > 0",
            filmed: Filmed::Until(
                "document.querySelector('[data-testid=train-course]').dataset.state === 'finished'",
            ),
        },
        Scene {
            act: "document.querySelector('[data-testid=train-map]').scrollIntoView()",
            shown: "document.querySelectorAll('[data-testid=train-map] [data-testid=map-point]').length",
            filmed: Filmed::Still,
        },
    ];

    pub fn run() -> Result<()> {
        let path = env::args().nth(1);
        let path = path.context("no file to write\nhint: film docs/page.gif")?;
        let runtime = tokio::runtime::Runtime::new()?;
        let frames = runtime.block_on(Browser::with(film))?;
        // Beside it first: a film that breaks off leaves the one before.
        let part = format!("{path}.part");
        let mut gif = GifEncoder::new_with_speed(BufWriter::new(File::create(&part)?), QUICKNESS);
        gif.set_repeat(Repeat::Infinite)?;
        gif.encode_frames(frames)?;
        drop(gif);
        fs::rename(&part, &path)?;
        println!("{path}: {} bytes", fs::metadata(&path)?.len());
        Ok(())
    }

    async fn film(browser: &Browser) -> Result<Vec<Frame>> {
        let server = PageServer::start().await?;
        browser.set_viewport(VIEWPORT.0, VIEWPORT.1, false).await?;
        let page = Page::open(browser, &server.url).await?;
        let mut frames = Vec::new();
        for scene in SCENES {
            page.script::<()>(scene.act, vec![]).await?;
            page.wait_for(scene.act, scene.shown).await?;
            if let Filmed::Until(end) = scene.filmed {
                while !is_true(&page, end).await? {
                    let begun = Instant::now();
                    frames.push(frame(browser, MOVING).await?);
                    let rest = Duration::from_millis(MOVING.into()).saturating_sub(begun.elapsed());
                    tokio::time::sleep(rest).await;
                }
            }
            if !matches!(scene.filmed, Filmed::Not) {
                // What fades in has come.
                tokio::time::sleep(Duration::from_millis(400)).await;
                frames.push(frame(browser, STILL).await?);
            }
        }
        Ok(frames)
    }

    async fn is_true(page: &Page<'_>, condition: &str) -> Result<bool> {
        page.script(&format!("return !!({condition})"), vec![])
            .await
    }

    async fn frame(browser: &Browser, milliseconds: u32) -> Result<Frame> {
        let picture = image::load_from_memory(&browser.client.screenshot().await?)?;
        let picture = imageops::resize(&picture, SIZE.0, SIZE.1, imageops::FilterType::CatmullRom);
        let delay = Delay::from_numer_denom_ms(milliseconds, 1);
        Ok(Frame::from_parts(picture, 0, 0, delay))
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> anyhow::Result<()> {
    film::run()
}

#[cfg(target_arch = "wasm32")]
fn main() {}
