//! The built page beside the Hub, on the same host: pages are told of no other Hub
//! than Hugging Face's and one on their own host.

use std::fs;
use std::path::Path;

use super::http::Reply;

/// Media types by extension; a browser runs nothing else as a script.
const TYPES: [(&str, &str); 7] = [
    ("css", "text/css"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("wasm", "application/wasm"),
];

/// A file of the page; `path` is that of the request.
pub fn page_file(folder: &Path, path: &str) -> Reply {
    let path = path.split('?').next().unwrap_or_default();
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let plain = name.split('/').all(|part| !part.starts_with('.'));
    let Some(bytes) = plain.then(|| fs::read(folder.join(name)).ok()).flatten() else {
        return Reply::error(404, "", "no such file");
    };
    let extension = name.rsplit('.').next().unwrap_or_default();
    let found = TYPES.iter().find(|(known, _)| *known == extension);
    let kind = found.map_or("application/octet-stream", |(_, kind)| kind);
    Reply::new(200, &[("Content-Type", kind)], bytes)
}
