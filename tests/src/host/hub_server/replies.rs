//! What the server says: the Hub's paths, headers and errors.

use std::collections::BTreeMap;

use serde_json::json;

use super::http::{Reply, Request};
use super::{Fault, HUB_TOKEN, Hosts, State, git_hash, is_large, sha256};

/// The answer to a request.
pub fn reply(hosts: &Hosts, state: &mut State, request: &Request) -> Reply {
    let is_known = request.token.as_deref() == Some(HUB_TOKEN);
    if request.token.is_some() && !is_known {
        return Reply::error(401, "", "Invalid credentials in Authorization header");
    }
    if let Some(hash) = request.path.strip_prefix("/cdn/") {
        return bytes(state, request, hash);
    }
    let Some(asked) = Asked::read(&request.path) else {
        return Reply::error(404, "", "Page not found");
    };
    let repository = state.repositories.get(asked.id);
    let Some(repository) = repository.filter(|it| is_known || !it.is_private) else {
        // To strangers the Hub does not say what is missing.
        return match is_known {
            true => Reply::error(404, "RepoNotFound", "Repository not found"),
            false => Reply::error(401, "RepoNotFound", "Invalid username or password."),
        };
    };
    let revision = asked.revision.replace("%2F", "/");
    let commit = repository.refs.get(&revision).unwrap_or(&revision);
    let Some(files) = repository.commits.get(commit) else {
        return Reply::error(404, "RevisionNotFound", "Invalid rev id");
    };
    let Some(name) = asked.file else {
        return describe(&asked, commit, files);
    };
    let Some(bytes) = files.get(name) else {
        return Reply::error(404, "EntryNotFound", "Entry not found");
    };
    let mut reply = match (is_large(name), asked.is_resolved) {
        (true, _) => large_file(&hosts.large, commit, bytes),
        (false, true) => small_file(commit, bytes),
        (false, false) => {
            let place = format!("{}{RESOLVED}{}/{commit}/{name}", hosts.own, asked.id);
            let headers = [("X-Repo-Commit", commit.as_str()), ("Location", &place)];
            Reply::new(307, &headers, "Temporary Redirect")
        }
    };
    for (header, value) in &state.lies {
        let is_it = |name: &str| name.eq_ignore_ascii_case(header);
        reply.headers.retain(|(name, _)| !is_it(name));
        reply.headers.push((header.clone(), value.clone()));
    }
    reply
}

/// Where the Hub keeps small files itself.
const RESOLVED: &str = "/api/resolve-cache/models/";

/// What a path asks for: a repository at a revision, or a file in it.
struct Asked<'a> {
    id: &'a str,
    revision: &'a str,
    file: Option<&'a str>,
    /// Whether a description is to tell sizes.
    with_sizes: bool,
    /// Whether it is where a redirect leads to.
    is_resolved: bool,
}

impl<'a> Asked<'a> {
    fn read(path: &'a str) -> Option<Self> {
        if let Some(path) = path.strip_prefix("/api/models/") {
            let (id, revision) = path.split_once("/revision/")?;
            return Some(Self {
                id,
                revision: revision.split('?').next()?,
                file: None,
                with_sizes: path.ends_with("?blobs=true"),
                is_resolved: false,
            });
        }
        let (id, rest, is_resolved) = match path.strip_prefix(RESOLVED) {
            Some(path) => {
                let (at, _) = path.match_indices('/').nth(1)?;
                (&path[..at], &path[at + 1..], true)
            }
            None => {
                let (id, rest) = path.strip_prefix('/')?.split_once("/resolve/")?;
                (id, rest, false)
            }
        };
        // The slashes of a revision are escaped.
        let (revision, file) = rest.split_once('/')?;
        Some(Self {
            id,
            revision,
            file: Some(file),
            with_sizes: false,
            is_resolved,
        })
    }
}

fn describe(asked: &Asked<'_>, commit: &str, files: &BTreeMap<String, Vec<u8>>) -> Reply {
    let siblings: Vec<_> = files
        .iter()
        .map(|(name, bytes)| match asked.with_sizes {
            true => json!({ "rfilename": name, "size": bytes.len() }),
            false => json!({ "rfilename": name }),
        })
        .collect();
    let id = asked.id;
    let body =
        json!({ "id": id, "modelId": id, "private": false, "sha": commit, "siblings": siblings });
    let headers = [("Content-Type", "application/json; charset=utf-8")];
    Reply::new(200, &headers, body.to_string())
}

/// Hash and size, and where the bytes are.
fn large_file(host: &str, commit: &str, bytes: &[u8]) -> Reply {
    let (hash, size) = (sha256(bytes), bytes.len().to_string());
    let place = format!("{host}/cdn/{hash}?signature=0123");
    let headers = [
        ("X-Repo-Commit", commit),
        ("X-Linked-Etag", &format!("\"{hash}\"")),
        ("X-Linked-Size", &size),
        ("ETag", "\"of-the-redirect\""),
        ("Location", &place),
    ];
    Reply::new(302, &headers, format!("Found. Redirecting to {place}"))
}

fn small_file(commit: &str, bytes: &[u8]) -> Reply {
    let hash = format!("\"{}\"", git_hash(bytes));
    let headers = [
        ("X-Repo-Commit", commit),
        ("ETag", &hash),
        ("Accept-Ranges", "bytes"),
    ];
    Reply::new(200, &headers, bytes)
}

/// The bytes of a large file, as asked for, with the next fault.
fn bytes(state: &mut State, request: &Request, hash: &str) -> Reply {
    let hash = hash.split('?').next().unwrap_or_default();
    let commits = state
        .repositories
        .values()
        .flat_map(|repository| repository.commits.values());
    let mut files = commits.flat_map(BTreeMap::values);
    let Some(whole) = files.find(|bytes| sha256(bytes) == hash).cloned() else {
        return Reply::error(404, "", "no such blob");
    };
    let fault = match request.method.as_str() {
        "GET" => state.faults.pop_front(),
        _ => None,
    };
    let mut whole = whole;
    match fault {
        Some(Fault::Shorter(by)) => whole.truncate(whole.len() - by),
        Some(Fault::Longer(by)) => whole.resize(whole.len() + by, 0),
        Some(Fault::Damage) => {
            let last = whole.len() - 1;
            whole[last] ^= 1;
        }
        Some(Fault::Status(status)) => return Reply::error(status, "", "as told"),
        _ => {}
    }
    let range = request
        .range
        .as_deref()
        .filter(|_| fault != Some(Fault::NoRange));
    let size = whole.len();
    let mut reply = match range.and_then(|range| limits(range, size)) {
        None => Reply::new(200, &[("Accept-Ranges", "bytes")], whole),
        Some((start, end)) if start < end => {
            let start = match fault {
                Some(Fault::Earlier(by)) => start - by,
                _ => start,
            };
            let range = format!("bytes {start}-{}/{size}", end - 1);
            Reply::new(206, &[("Content-Range", &range)], &whole[start..end])
        }
        Some(_) => {
            let range = format!("bytes */{size}");
            Reply::new(416, &[("Content-Range", &range)], "")
        }
    };
    if let Some(Fault::Unmeasured(bytes)) = fault {
        reply.body.resize(bytes, 0);
    }
    reply.fault = fault;
    reply
}

/// From and to of `bytes=5-` and `bytes=5-9`, in a file of so many bytes.
fn limits(range: &str, size: usize) -> Option<(usize, usize)> {
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = match last {
        "" => size,
        last => last.parse::<usize>().ok()?.saturating_add(1).min(size),
    };
    Some((start.parse().ok()?, end))
}
