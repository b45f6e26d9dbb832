//! The page's `index.html` with a site's own title and description.

use anyhow::Result;
use clipwright_shared::protocol::{SITE_FILE, SITE_META};

use crate::problem::problem;

/// What a page is described by.
pub struct Described<'a> {
    pub title: &'a str,
    pub description: &'a str,
    /// The address of the model, which the page asks for first.
    pub model: &'a str,
}

/// Replaces title and description, announces [`SITE_FILE`], has the browser fetch the
/// site's model ahead instead of the embedded one, and lets it ask no other host. Everything
/// else stays as it is.
///
/// # Errors
/// If the text is not that of the page.
pub fn describe(index: &str, by: &Described<'_>) -> Result<String> {
    let mut out = String::with_capacity(index.len() + 512);
    let (mut has_title, mut has_description) = (false, false);
    let mut rest = index;
    while let Some((before, tag, after)) = next_tag(rest) {
        out.push_str(before);
        rest = after;
        if is_element(tag, "title") && !has_title {
            let Some((_, after)) = rest.split_once("</title>") else {
                break;
            };
            rest = after;
            has_title = true;
            out.push_str(&format!("<title>{}</title>", escape(by.title)));
            out.push_str(&format!(
                "\n    <meta name=\"{SITE_META}\" content=\"{SITE_FILE}\" />"
            ));
        } else if is_element(tag, "meta") && attribute(tag, "name") == Some("description") {
            has_description = true;
            out.push_str(&format!(
                "<meta name=\"description\" content=\"{}\" />",
                escape(by.description)
            ));
        } else if let Some(policy) = content_policy(tag) {
            out.push_str(&tag.replacen(policy, &own_host_only(policy), 1));
        } else if is_element(tag, "link")
            && attribute(tag, "href").is_some_and(|href| href.ends_with(".safetensors"))
        {
            out.push_str(&format!(
                "<link rel=\"preload\" as=\"fetch\" crossorigin=\"anonymous\" href=\"{}\" />",
                escape(by.model)
            ));
        } else {
            out.push_str(tag);
        }
    }
    out.push_str(rest);
    if has_title && has_description {
        return Ok(out);
    }
    Err(problem(
        "the index.html of the built page has no title and description; expected clipwright's \
         own page",
        "build it again with `cargo xtask web`, or name its folder with --page",
    ))
}

/// The content-security policy that `tag` declares.
fn content_policy(tag: &str) -> Option<&str> {
    let is_policy = |kind: &str| kind.eq_ignore_ascii_case("content-security-policy");
    let is_one = is_element(tag, "meta") && attribute(tag, "http-equiv").is_some_and(is_policy);
    attribute(tag, "content").filter(|_| is_one)
}

/// The policy without any host: a site is of one model, and the Hub's others are nothing
/// to it. A directive that is left without a source allows nothing.
fn own_host_only(policy: &str) -> String {
    let directives = policy.split(';').map(|directive| {
        let words = directive.split_whitespace();
        let own: Vec<&str> = words.filter(|word| !word.contains("//")).collect();
        match own[..] {
            [name] if directive.contains("//") => format!("{name} 'none'"),
            _ => own.join(" "),
        }
    });
    directives.collect::<Vec<_>>().join("; ")
}

/// What stands before the next tag, the tag, and what follows it.
fn next_tag(html: &str) -> Option<(&str, &str, &str)> {
    let start = html.find('<')?;
    let mut quote = None;
    let end = html[start..].find(|c| match quote {
        Some(open) => {
            if c == open {
                quote = None;
            }
            false
        }
        None => {
            if c == '"' || c == '\'' {
                quote = Some(c);
            }
            c == '>'
        }
    })?;
    let (before, tag) = html.split_at(start);
    let (tag, after) = tag.split_at(end + 1);
    Some((before, tag, after))
}

fn is_element(tag: &str, name: &str) -> bool {
    let rest = tag.strip_prefix('<').and_then(|tag| tag.strip_prefix(name));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || c == '>' || c == '/'))
}

/// The value of a quoted attribute.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let mut from = tag;
    while let Some((before, after)) = from.split_once(&format!("{name}=\"")) {
        if before.ends_with(char::is_whitespace) {
            return after.split_once('"').map(|(value, _)| value);
        }
        from = after;
    }
    None
}

/// Text as it is written in HTML, between tags or quotes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Described, describe};

    const PAGE: &str = r#"<!doctype html>
<html><head>
    <meta charset="utf-8" />
    <meta
      http-equiv="Content-Security-Policy"
      content="default-src 'none'; connect-src 'self' https://hub.example https://*.hub.example; font-src https://fonts.example; base-uri 'none'"
    />
    <meta
      name="description"
      content="Of > this > page."
    />
    <title>clipwright</title>
    <link rel="preload" as="fetch" href="model/tiny.safetensors" />
    <link rel="icon" data-name="description" href="icon.svg"/>
</head><body><p class="title">a < b</p></body></html>"#;

    fn described(index: &str, title: &str) -> String {
        let by = Described {
            title,
            description: "A \"cat\" & a <dog>.",
            model: "site/model.safetensors",
        };
        describe(index, &by).unwrap()
    }

    #[test]
    fn the_head_is_the_sites_own_and_the_rest_as_it_was() {
        let page = described(PAGE, "cat</title><script>");
        for part in [
            "<title>cat&lt;/title&gt;&lt;script&gt;</title>",
            "<meta name=\"clipwright-site\" content=\"site.json\" />",
            "content=\"A &quot;cat&quot; &amp; a &lt;dog&gt;.\"",
            "href=\"site/model.safetensors\"",
            "\"default-src 'none'; connect-src 'self'; font-src 'none'; base-uri 'none'\"",
            "<link rel=\"icon\" data-name=\"description\" href=\"icon.svg\"/>",
            "<p class=\"title\">a < b</p></body></html>",
        ] {
            assert!(page.contains(part), "no {part} in {page}");
        }
        for part in [
            "Of > this",
            "tiny.safetensors",
            ">clipwright<",
            "<script>",
            ".example",
        ] {
            assert!(!page.contains(part), "{part} in {page}");
        }
    }

    #[test]
    fn another_page_is_refused() {
        for page in ["", "<html>", "<title>a</title>", "<title>a"] {
            let by = Described {
                title: "a",
                description: "b",
                model: "c",
            };
            assert!(describe(page, &by).is_err(), "{page}");
        }
    }
}
