//! HTTP as far as the server needs it: one request a connection, and a reply that
//! may break off.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::Fault;

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub range: Option<String>,
    pub token: Option<String>,
}

impl Request {
    /// Whether it asks for the bytes of a large file.
    pub fn is_for_bytes(&self) -> bool {
        self.method == "GET" && self.path.starts_with("/cdn/")
    }
}

/// A reply: status, headers, bytes, and where the bytes end too early.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub fault: Option<Fault>,
}

impl Reply {
    pub fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.iter();
        Self {
            status,
            headers: headers
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            body: body.into(),
            fault: None,
        }
    }

    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({ "error": message }).to_string();
        Self::new(
            status,
            &[("X-Error-Code", code), ("X-Error-Message", message)],
            body,
        )
    }
}

pub fn read_request(stream: &TcpStream) -> Result<Request> {
    let mut lines = BufReader::new(stream.take(64 << 10)).lines();
    let first = lines.next().context("an empty request")??;
    let [method, path, _] = first.split(' ').collect::<Vec<_>>()[..] else {
        bail!("no request: {first}");
    };
    let mut request = Request {
        method: method.into(),
        path: path.into(),
        range: None,
        token: None,
    };
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").context("no header")?;
        match name.to_lowercase().as_str() {
            "range" => request.range = Some(value.into()),
            "authorization" => request.token = value.strip_prefix("Bearer ").map(String::from),
            _ => {}
        }
    }
    Ok(request)
}

pub fn write_reply(mut stream: TcpStream, request: &Request, reply: &Reply) -> Result<()> {
    let mut head = format!("HTTP/1.1 {} Reply\r\nConnection: close\r\n", reply.status);
    if !matches!(reply.fault, Some(Fault::Unmeasured(_))) {
        head += &format!("Content-Length: {}\r\n", reply.body.len());
    }
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    if request.method == "HEAD" {
        return Ok(());
    }
    let (Some(Fault::Break(until)) | Some(Fault::Stall(until))) = reply.fault else {
        return Ok(stream.write_all(&reply.body)?);
    };
    stream.write_all(&reply.body[..until.min(reply.body.len())])?;
    if let Some(Fault::Stall(_)) = reply.fault {
        // Until either side gives up, or the patience of reading ends.
        let _ = stream.read(&mut [0]);
        let _ = stream.shutdown(Shutdown::Both);
    }
    Ok(())
}
