//! Light, dark, or as the system is.

use anyhow::{Result, ensure};

use super::on_the_page;

#[tokio::test]
async fn a_theme_is_chosen_and_remembered() {
    on_the_page(async |browser, page| {
        browser.set_viewport(1280, 900, false).await?;
        page.first_answer().await?;
        let script = "return [
            document.documentElement.dataset.theme,
            getComputedStyle(document.body).backgroundColor,
        ]";
        let colours = async || -> Result<(String, String)> { page.script(script, vec![]).await };
        let system = colours().await?;
        ensure!(system.0 == "light", "{system:?}");
        // System, light, dark.
        page.click("theme").await?;
        ensure!(colours().await? == system);
        page.click("theme").await?;
        let dark = colours().await?;
        ensure!(dark.0 == "dark" && dark.1 != system.1, "{dark:?}");
        browser.client.refresh().await?;
        page.first_answer().await?;
        ensure!(colours().await? == dark, "the choice was forgotten");
        page.click("theme").await?;
        ensure!(colours().await? == system, "the system's theme is not back");
        // The system's own change is followed.
        let media = serde_json::json!({
            "features": [{ "name": "prefers-color-scheme", "value": "dark" }],
        });
        browser
            .devtools("Emulation.setEmulatedMedia", media)
            .await?;
        page.wait_until("the system's dark is followed", async || {
            Ok((colours().await? == dark).then_some(()))
        })
        .await
    })
    .await;
}
