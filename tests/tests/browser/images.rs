//! What a person brings: images in many ways, the camera, class names by keyboard,
//! presets, ensembles, and learned files of every kind.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Result, anyhow, ensure};
use clipwright_tests::{Browser, Page, succeeds};
use fantoccini::key::Key;
use serde_json::json;

use super::batch::drop_paths;
use super::binary::{Binary, same_rankings};
use super::{TOLERANCE, fixture, on_the_page};

/// Learned files of every kind, in the order of [`KINDS`].
const KINDS: [&str; 5] = [
    "own.safetensors",
    "theirs.pth.tar-10",
    "cocoop.pth.tar-1",
    "lora.pt",
    "pets",
];

/// Made once: what the binary learned, in the forms of other programs.
fn learned_files() -> Result<Vec<PathBuf>> {
    static MADE: OnceLock<Result<Vec<PathBuf>, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| make().map_err(|error| format!("{error:#}")));
    made.clone()
        .map_err(|error| anyhow!("learned files: {error}"))
}

fn make() -> Result<Vec<PathBuf>> {
    let fixture = fixture()?;
    let folder = fixture.folder.join("brought");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    fs::copy(&fixture.learned, folder.join(KINDS[0]))?;
    let train = "--model tiny --data data --shots 1 --seed 1 --epochs 1 --out";
    for line in [
        format!("train cocoop {train} brought/cocoop"),
        format!("train lora {train} brought/lora"),
        "export --learned run --as coop --out brought/theirs.pth.tar-10 --model tiny".into(),
        "export --learned brought/cocoop --as coop --out brought/cocoop.pth.tar-1 --model tiny"
            .into(),
        "export --learned brought/lora --as clip-lora --out brought/lora.pt --model tiny".into(),
        "export --learned brought/lora --as peft --out brought/pets --model tiny".into(),
    ] {
        succeeds(&fixture.folder, &line)?;
    }
    Ok(KINDS.iter().map(|kind| folder.join(kind)).collect())
}

/// What the page shows is what the binary says, card by card.
async fn same_as_native(
    page: &Page<'_>,
    templates: &[String],
    learned: &[PathBuf],
    picture: &Path,
) -> Result<()> {
    let classes = page.class_names().await?;
    let binary = Binary {
        folder: &fixture()?.folder,
        model: "tiny".as_ref(),
        learned,
        templates,
    };
    let native = binary.rankings(&classes, picture)?;
    let shown = page.first_answer().await?;
    same_rankings(&shown.cards, &native, &classes, TOLERANCE).map(drop)
}

#[tokio::test]
async fn learned_files_of_every_kind_answer_as_natively() {
    let fixture = fixture().unwrap();
    let files = learned_files().unwrap();
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        let picture = &fixture.pictures[2];
        page.answer_after(async || page.choose_file("image-input", picture).await)
            .await?;
        // All at once: files, and the folder of an adapter.
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        drop_paths(browser, &paths).await?;
        page.wait_until("every learner has answered", async || {
            let shown = page.results().await?;
            Ok(shown.filter(|shown| shown.cards.len() == 1 + KINDS.len()))
        })
        .await?;
        let template = page.template().await?;
        same_as_native(page, &[template], &files, picture).await?;
        let methods = "return [...document.querySelectorAll('[data-testid=learned-file]')]
            .map(file => `${file.dataset.learner} ${file.dataset.method}`)";
        let methods: Vec<String> = page.script(methods, vec![]).await?;
        let expected = [
            "own coop",
            "theirs.pth.tar-10 coop",
            "cocoop.pth.tar-1 cocoop",
            "lora.pt lora",
            "pets lora",
        ];
        ensure!(methods == expected, "{methods:?}");
        page.show_from_the_top().await?;
        browser.save_screenshot("learned-kinds").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_adapters_folder_is_picked() {
    let fixture = fixture().unwrap();
    let files = learned_files().unwrap();
    let folder = files.last().unwrap();
    on_the_page(async |_, page| {
        let picture = &fixture.pictures[2];
        page.first_answer().await?;
        page.answer_after(async || page.choose_file("image-input", picture).await)
            .await?;
        page.choose_file("learned-folder-input", folder).await?;
        page.wait_until("it has answered", async || {
            let shown = page.results().await?;
            Ok(shown.filter(|shown| shown.cards.len() == 2))
        })
        .await?;
        let template = page.template().await?;
        same_as_native(page, &[template], std::slice::from_ref(folder), picture).await
    })
    .await;
}

#[tokio::test]
async fn a_models_folder_and_a_damaged_one() {
    let fixture = fixture().unwrap();
    let folder = fixture.folder.join("model-folder");
    fs::create_dir_all(&folder).unwrap();
    let tiny = clipwright_tests::repository_root().join("static/model/tiny.safetensors");
    fs::copy(&tiny, folder.join("model.safetensors")).unwrap();
    fs::write(folder.join("README.md"), "A model.").unwrap();
    let cut = fixture.folder.join("cut.safetensors");
    let bytes = fs::read(&tiny).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        let before = page.first_answer().await?;
        drop_paths(browser, &[&folder]).await?;
        page.wait_until("the folder's model is open", async || {
            let says = page.text("model-status").await?;
            Ok((says.contains("model-folder") && says.contains("ready")).then_some(()))
        })
        .await?;
        ensure!(
            page.first_answer().await?.cards == before.cards,
            "another answer"
        );
        drop_paths(browser, &[&cut]).await?;
        page.error_with("“cut” was not opened").await?;
        let says = page.text("model-status").await?;
        ensure!(
            says.contains("model-folder"),
            "the open model is gone: {says}"
        );
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn classes_are_edited_by_keyboard_alone() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        let before = page.class_names().await?;
        let focus = "document.querySelector('[data-testid=class-input]').focus()";
        page.script::<()>(focus, vec![]).await?;
        // Back over the chip's remove button to its name.
        let back = format!("{}{}{}", char::from(Key::Shift), char::from(Key::Tab), char::from(Key::Null));
        browser.press(&back).await?;
        browser.press(&back).await?;
        let focused = "return document.activeElement.dataset.testid";
        let where_ = || page.script::<Option<String>>(focused, vec![]);
        ensure!(where_().await?.as_deref() == Some("class-name"), "{:?}", where_().await?);
        let key = |key: Key| char::from(key).to_string();

        // To the second one; renamed, and not renamed.
        browser.press(&key(Key::Home)).await?;
        browser.press(&key(Key::Right)).await?;
        browser.press(&key(Key::F2)).await?;
        browser.press(&format!("purple moon{}", char::from(Key::Enter))).await?;
        let renamed = async || -> Result<Vec<String>> { page.class_names().await };
        ensure!(renamed().await?[1] == "purple moon", "{:?}", renamed().await?);
        ensure!(where_().await?.as_deref() == Some("class-name"), "{:?}", where_().await?);
        browser.press(&key(Key::Enter)).await?;
        browser.press(&format!("nothing{}", char::from(Key::Escape))).await?;
        ensure!(renamed().await?[1] == "purple moon", "{:?}", renamed().await?);

        // Moved to the front, then removed; the focus stays among the chips.
        let alt = |key: Key| format!("{}{}{}", char::from(Key::Alt), char::from(key), char::from(Key::Null));
        browser.press(&alt(Key::Left)).await?;
        ensure!(renamed().await?[0] == "purple moon", "{:?}", renamed().await?);
        ensure!(renamed().await?[1] == before[0], "{:?}", renamed().await?);
        browser.press(&key(Key::Delete)).await?;
        ensure!(renamed().await?[0] == before[0], "{:?}", renamed().await?);
        ensure!(renamed().await?.len() == before.len() - 1, "{:?}", renamed().await?);
        ensure!(where_().await?.as_deref() == Some("class-name"), "{:?}", where_().await?);
        browser.save_screenshot("classes-by-keyboard").await?;

        // A pasted list.
        let paste = "
            const input = document.querySelector('[data-testid=class-input]');
            const clipboardData = new DataTransfer();
            clipboardData.setData('text', 'one kite\\ntwo kites\\r\\n, three kites');
            input.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));";
        page.script::<()>(paste, vec![]).await?;
        let names = renamed().await?;
        ensure!(names.ends_with(&["one kite".into(), "two kites".into(), "three kites".into()]), "{names:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_data_sets_names_and_an_ensemble_of_templates() {
    let fixture = fixture().unwrap();
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        let picture = &fixture.pictures[2];
        page.answer_after(async || page.choose_file("image-input", picture).await)
            .await?;
        let choose = "
            const select = document.querySelector('[data-testid=class-preset]');
            select.value = 'eurosat';
            select.dispatchEvent(new Event('change', { bubbles: true }));";
        page.answer_after(async || page.script(choose, vec![]).await)
            .await?;
        let classes = page.class_names().await?;
        ensure!(classes.len() == 10 && classes[1] == "Forest", "{classes:?}");
        let template = page.template().await?;
        ensure!(
            template == "a centered satellite photo of {}.",
            "{template}"
        );
        same_as_native(page, &[template], &[], picture).await?;

        page.answer_after(async || page.click("template-ensemble").await)
            .await?;
        let fields = "return [...document.querySelectorAll(
            '[data-testid=template-input], [data-testid=template-row]')].map(field => field.value)";
        let templates: Vec<String> = page.script(fields, vec![]).await?;
        ensure!(templates.len() == 8, "{templates:?}");
        same_as_native(page, &templates, &[], picture).await?;
        browser.save_screenshot("ensemble").await?;
        page.answer_after(async || page.click("template-one").await)
            .await?;
        let templates: Vec<String> = page.script(fields, vec![]).await?;
        ensure!(templates.len() == 1, "{templates:?}");
        Ok(())
    })
    .await;
}

/// Allows or forbids the camera.
async fn camera(browser: &Browser, setting: &str) -> Result<()> {
    let parameters = json!({ "permission": { "name": "camera" }, "setting": setting });
    browser
        .devtools("Browser.setPermission", parameters)
        .await
        .map(drop)
}

#[tokio::test]
async fn a_photo_is_taken_with_the_camera() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        let before = page.first_answer().await?;
        camera(browser, "denied").await?;
        page.click("camera-open").await?;
        page.error_with("may not be used").await?;
        browser.save_screenshot("camera-denied").await?;
        page.click("camera-close").await?;

        camera(browser, "granted").await?;
        page.click("camera-open").await?;
        page.wait_until("the camera is on", async || {
            let on =
                "return document.querySelector('[data-testid=camera-take]')?.disabled === false";
            let on: bool = page.script(on, vec![]).await?;
            Ok(on.then_some(()))
        })
        .await?;
        let after = page
            .answer_after(async || page.click("camera-take").await)
            .await?;
        ensure!(after.cards != before.cards, "the same answer to a photo");
        browser.save_screenshot("camera").await?;
        page.click("camera-close").await?;
        let title = "return document.querySelector('.image-name').textContent";
        let title: String = page.script(title, vec![]).await?;
        ensure!(title == "photo 1.png", "{title}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_images_are_chosen_at_once() {
    let fixture = fixture().unwrap();
    on_the_page(async |browser, page| {
        browser.set_viewport(360, 800, true).await?;
        page.first_answer().await?;
        let paths = fixture
            .pictures
            .iter()
            .map(|path| path.display().to_string());
        let paths = paths.collect::<Vec<_>>().join("\n");
        page.choose_file("image-input", Path::new(&paths)).await?;
        page.wait_until("all are in the table", async || {
            let rows = "return [...document.querySelectorAll('[data-testid=batch-row]')]
                .filter(row => row.dataset.stage === 'answered').length";
            let rows: usize = page.script(rows, vec![]).await?;
            Ok((rows == fixture.pictures.len()).then_some(()))
        })
        .await?;
        // The first of them is looked at.
        let template = page.template().await?;
        same_as_native(page, &[template], &[], &fixture.pictures[0]).await?;
        let device = page.text("device").await?;
        ensure!(
            device.contains("SIMD") && device.contains("cores"),
            "{device}"
        );
        page.show_from_the_top().await?;
        browser.save_screenshot("many-images-phone").await?;
        Ok(())
    })
    .await;
}
