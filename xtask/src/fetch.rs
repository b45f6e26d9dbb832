//! One HTTP request to this machine, to see that the page is really served.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Longest silence of the server before it counts as broken.
const SILENCE: Duration = Duration::from_secs(30);

/// The body of `http://{address}{path}`.
///
/// # Errors
/// If the server does not answer 200, or answers nothing.
pub fn fetch(address: &str, path: &str) -> Result<Vec<u8>> {
    let what = || format!("fetching http://{address}{path}");
    let mut stream = TcpStream::connect(address).with_context(what)?;
    stream.set_read_timeout(Some(SILENCE)).with_context(what)?;
    // HTTP/1.0 and no keep-alive: the body is what comes until the end.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").with_context(what)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(what)?;
    body(&answer).with_context(what)
}

fn body(answer: &[u8]) -> Result<Vec<u8>> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.context("the answer has no header")?;
    let header = String::from_utf8_lossy(&answer[..end]);
    let status = header.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("expected status 200, got {status:?}");
    }
    let body = &answer[end + 4..];
    if body.is_empty() {
        bail!("the answer is empty");
    }
    Ok(body.to_vec())
}

#[cfg(test)]
mod tests {
    use super::body;

    #[test]
    fn only_a_full_answer_is_one() {
        assert_eq!(body(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nxy").unwrap(), b"xy");
        for broken in [
            "HTTP/1.0 404 Not Found\r\n\r\nxy",
            "HTTP/1.0 200 OK\r\n\r\n",
            "200",
        ] {
            assert!(body(broken.as_bytes()).is_err(), "{broken:?}");
        }
    }
}
