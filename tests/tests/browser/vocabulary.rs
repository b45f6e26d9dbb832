//! A model with the whole vocabulary: its merge rules are fetched when it is opened,
//! and only then.

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clipwright_tests::{Browser, Page, PageServer, page_folder, repository_root};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, View};

use super::batch::drop_paths;
use super::binary::{Binary, same_rankings};
use super::offline::{copied_page, copy};
use super::{TOLERANCE, fixture, on_the_page};

/// Ids of CLIP's own vocabulary.
const WHOLE: usize = 49408;
const EMBEDDING: &str = "token_embedding.weight";

/// The embedded model with an embedding for each id of the whole vocabulary: its own
/// rows again and again. Each test has a file of its own: a browser reads no file that was
/// written again since it was chosen.
fn whole_model(test: &str) -> Result<PathBuf> {
    let bytes = fs::read(repository_root().join("static/model/tiny.safetensors"))?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    let tensors = tensors.iter().map(|(name, tensor)| {
        let mut tensor = Tensor {
            dtype: tensor.dtype(),
            shape: tensor.shape().to_vec(),
            data: tensor.data().to_vec(),
        };
        if name == EMBEDDING {
            let row = tensor.data.len() / tensor.shape[0];
            tensor.data = tensor
                .data
                .iter()
                .copied()
                .cycle()
                .take(WHOLE * row)
                .collect();
            tensor.shape[0] = WHOLE;
        }
        (name, tensor)
    });
    let path = fixture()?
        .folder
        .join(format!("whole-vocabulary-{test}.safetensors"));
    safetensors::serialize_to_file(tensors, header.metadata().clone(), &path)?;
    Ok(path)
}

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        (&self.data).into()
    }

    fn data_len(&self) -> usize {
        self.data.len()
    }
}

async fn is_open(page: &Page<'_>) -> Result<()> {
    page.wait_until("the model is open", async || {
        let says = page.text("model-status").await?;
        Ok((says.contains("whole-vocabulary") && says.contains("ready")).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_whole_vocabulary_answers_as_natively() {
    let (fixture, model) = (fixture().unwrap(), whole_model("answers").unwrap());
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        drop_paths(browser, &[&model]).await?;
        is_open(page).await?;
        // Words beyond the vocabulary of the embedded model.
        let more = "golden retriever,Schmetterling,naïve 猫,";
        page.answer_after(async || page.type_over("class-input", more).await)
            .await?;
        let picture = &fixture.pictures[2];
        let shown = page
            .answer_after(async || page.choose_file("image-input", picture).await)
            .await?;
        let binary = Binary {
            folder: &fixture.folder,
            model: &model,
            learned: &[],
            templates: &[page.template().await?],
        };
        let classes = page.class_names().await?;
        let native = binary.rankings(&classes, picture)?;
        same_rankings(&shown.cards, &native, &classes, TOLERANCE).map(drop)
    })
    .await;
}

#[tokio::test]
async fn a_vocabulary_that_cannot_be_fetched_leaves_the_open_model() {
    let model = whole_model("unfetched").unwrap();
    let outcome = Browser::with(async |browser| {
        let folder = copied_page("browser-vocabulary")?;
        fs::remove_dir_all(folder.join("vocabulary"))?;
        let server = PageServer::of(&folder).await?;
        let page = &Page::open(browser, &server.url).await?;
        let before = page.first_answer().await?;
        drop_paths(browser, &[&model]).await?;
        let says = page.error_with("was not opened").await?;
        for part in ["vocabulary", "404", "connect once"] {
            ensure!(says.contains(part), "no {part:?} in {says}");
        }
        let after = page
            .answer_after(async || page.click("sample").await)
            .await?;
        ensure!(after.cards.len() == before.cards.len(), "{after:?}");

        // As soon as it is there the model opens.
        copy(&page_folder()?, &folder)?;
        drop_paths(browser, &[&model]).await?;
        is_open(page).await
    });
    if let Err(error) = outcome.await {
        panic!("{error:#}");
    }
}
