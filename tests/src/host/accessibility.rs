//! A check of the open page for what keeps people from using it: rules of WCAG 2.2 that
//! a script can see, and names in the browser's own accessibility tree.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{Browser, Page};

const RULES: &str = include_str!("accessibility.js");

/// Roles that mean nothing without a name.
const NAMED_ROLES: [&str; 17] = [
    "button",
    "checkbox",
    "combobox",
    "dialog",
    "image",
    "img",
    "link",
    "listbox",
    "menuitem",
    "progressbar",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "tab",
    "textbox",
];

/// What is amiss, a sentence each.
pub async fn accessibility_findings(browser: &Browser, page: &Page<'_>) -> Result<Vec<String>> {
    // What is still computed is dimmed, and would be judged by that.
    page.wait_until("nothing is computed any more", async || {
        let script = "return document.querySelector('[aria-busy=true]') === null
            && document.getAnimations().length === 0";
        let rests: bool = page.script(script, vec![]).await?;
        Ok(rests.then_some(()))
    })
    .await?;
    let mut findings: Vec<String> = page.script(RULES, vec![]).await?;
    let tree = browser
        .devtools("Accessibility.getFullAXTree", json!({}))
        .await?;
    let nodes = tree["nodes"].as_array().context("no accessibility tree")?;
    ensure!(nodes.len() > 20, "a tree of {} nodes", nodes.len());
    findings.extend(nodes.iter().filter_map(nameless));
    Ok(findings)
}

fn nameless(node: &Value) -> Option<String> {
    let role = node["role"]["value"].as_str()?;
    let name = node["name"]["value"].as_str().unwrap_or_default();
    let is_nameless =
        node["ignored"] == json!(false) && NAMED_ROLES.contains(&role) && name.trim().is_empty();
    is_nameless.then(|| format!("4.1.2: a {role} without a name: {node}"))
}

/// Goes through the page with Tab; what took the focus without showing it, and whether
/// the round came to an end.
pub async fn walk_by_keyboard(browser: &Browser, page: &Page<'_>) -> Result<Vec<String>> {
    const MOST_STOPS: usize = 200;
    page.script::<()>(
        "document.body.tabIndex = -1; document.body.focus();
         document.body.removeAttribute('tabindex'); window.walked = new Set()",
        vec![],
    )
    .await?;
    let mut findings = Vec::new();
    for _ in 0..MOST_STOPS {
        browser.press("\u{e004}").await?;
        let stop: Option<Value> = page.script(STOP, vec![]).await?;
        let Some(stop) = stop else {
            return Ok(findings);
        };
        if stop["is_shown"] == json!(false) {
            findings.push(format!("2.4.7: the focus is not seen on {}", stop["what"]));
        }
    }
    findings.push(format!("2.1.2: after {MOST_STOPS} stops there is no end"));
    Ok(findings)
}

/// Where the focus is, and whether that can be seen; nothing at the end of the round.
const STOP: &str = "
    const element = document.activeElement;
    if (!element || element === document.body || window.walked.has(element)) return null;
    window.walked.add(element);
    const marks = (element) => {
        const style = getComputedStyle(element);
        return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0)
            || style.boxShadow !== 'none';
    };
    // What is only a label's inside shows the focus on the label, or beside itself.
    const around = [element, element.closest('label'), element.nextElementSibling, element.parentElement];
    return {
        what: element.outerHTML.slice(0, 120),
        is_shown: around.filter(Boolean).some(marks),
    };";
