//! What is asked of the Hub: the files of a repository, the hash and size of one,
//! and its bytes.

use anyhow::Result;
use hf_hub::api::RepoInfo;
use hf_hub::api::sync::{Api, ApiBuilder, ApiRepo};
use ureq::config::RedirectAuthHeaders;
use ureq::http::{Response, Uri};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, RequestBuilder};

use super::names::{HubModel, is_commit};
use super::settings::Settings;
use crate::problem::problem;

/// Moved repositories are followed this often.
const MOST_REDIRECTS: u32 = 5;

/// A connection to the Hub, or to a mirror of it.
pub struct Client {
    api: Api,
    agent: Agent,
    token: Option<String>,
    pub endpoint: String,
}

/// A repository at a commit.
pub struct Listing {
    pub commit: String,
    pub files: Vec<String>,
}

/// One file, as the Hub describes it.
#[derive(Debug, Clone)]
pub struct Description {
    /// Names the blob in the cache: the SHA-256 of a large file, a git hash else.
    pub etag: String,
    pub bytes: u64,
}

impl Client {
    /// # Errors
    /// If `hf-hub` refuses the settings.
    pub fn new(settings: &Settings) -> Result<Self> {
        let version = env!("CARGO_PKG_VERSION");
        let api = ApiBuilder::from_cache(settings.cache.clone())
            .with_endpoint(settings.endpoint.clone())
            .with_token(settings.token.clone())
            .with_user_agent("clipwright", version)
            .with_progress(false)
            .build()?;
        let patience = Some(settings.patience);
        let agent = Agent::config_builder()
            .user_agent(format!("clipwright/{version}"))
            // The size of a file is that of its bytes as they are.
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(MOST_REDIRECTS)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_resolve(patience)
            .timeout_connect(patience)
            .timeout_recv_response(patience)
            .timeout_per_read(patience)
            .timeout_per_write(patience)
            .build()
            .new_agent();
        Ok(Self {
            api,
            agent,
            token: settings.token.clone(),
            endpoint: settings.endpoint.clone(),
        })
    }

    /// The commit of a model's revision and the files in it.
    ///
    /// # Errors
    /// If the Hub cannot be reached, or knows or gives no such thing.
    pub fn listing(&self, model: &HubModel) -> Result<Listing> {
        // The crate's request, with this agent's patience.
        let patience = self.agent.config().timeouts();
        let request = self.api.repo(model.repo()).info_request().config();
        let request = request
            .http_status_as_error(false)
            .max_redirects(MOST_REDIRECTS)
            .timeout_resolve(patience.resolve)
            .timeout_connect(patience.connect)
            .timeout_recv_response(patience.recv_response)
            .timeout_per_read(self.agent.config().timeout_per_read())
            .build();
        let mut response = request.call().map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(model, &response, None));
        }
        let info: RepoInfo = response.body_mut().read_json().map_err(|error| {
            self.misunderstood(&format!(
                "its description of {model} cannot be read: {error}"
            ))
        })?;
        if !is_commit(&info.sha) {
            return Err(self.misunderstood(&format!("{:?} is no commit", info.sha)));
        }
        let files = info.siblings.into_iter();
        Ok(Listing {
            commit: info.sha,
            files: files.map(|file| file.rfilename).collect(),
        })
    }

    /// Hash and size of a file at a commit, without its bytes.
    ///
    /// # Errors
    /// If the Hub cannot be reached, refuses, or leaves one of them out.
    pub fn describe(&self, model: &HubModel, commit: &str, file: &str) -> Result<Description> {
        let mut url = self.at_commit(model, commit).url(file);
        let mut redirects = 0;
        let response = loop {
            let request = self.authorised(self.agent.head(&url)).config();
            // Where a large file lies is told beside its hash and size, which the
            // place itself does not know.
            let request = request.max_redirects(0).build();
            let response = request.call().map_err(|error| self.unreachable(&error))?;
            match moved(&url, &response) {
                Some(_) if redirects == MOST_REDIRECTS => {
                    return Err(self.misunderstood(&format!("{url} is moved again and again")));
                }
                Some(place) => url = place,
                None => break response,
            }
            redirects += 1;
        };
        let status = response.status();
        if !status.is_success() && !status.is_redirection() {
            return Err(self.refusal(model, &response, Some(file)));
        }
        if let Some(other) = header(&response, "x-repo-commit").filter(|&other| other != commit) {
            let message = format!("{file} of commit {commit} came from commit {other}");
            return Err(self.misunderstood(&message));
        }
        let etag = header(&response, "x-linked-etag").or(header(&response, "etag"));
        let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
        // The hash becomes a file name.
        let is_hash = |etag: &&str| {
            (1..=128).contains(&etag.len()) && etag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let Some(etag) = etag.filter(is_hash) else {
            return Err(self.misunderstood(&format!("no hash of {file}, but {etag:?}")));
        };
        let own_size = || header(&response, "content-length").filter(|_| status.is_success());
        let bytes = header(&response, "x-linked-size").or_else(own_size);
        let Some(bytes) = bytes.and_then(|bytes| bytes.parse().ok()) else {
            return Err(self.misunderstood(&format!("no size of {file}, but {bytes:?}")));
        };
        Ok(Description {
            etag: etag.into(),
            bytes,
        })
    }

    /// A file's bytes from the byte `start` on, whatever the status.
    ///
    /// # Errors
    /// If the connection fails.
    pub fn open(
        &self,
        model: &HubModel,
        commit: &str,
        file: &str,
        start: u64,
    ) -> Result<Response<Body>, ureq::Error> {
        let url = self.at_commit(model, commit).url(file);
        let mut request = self.authorised(self.agent.get(&url));
        if start > 0 {
            request = request.header("Range", format!("bytes={start}-"));
        }
        request.call()
    }

    /// The error of a status that is no success, for a file or the repository.
    pub fn refusal(
        &self,
        model: &HubModel,
        response: &Response<Body>,
        file: Option<&str>,
    ) -> anyhow::Error {
        let status = response.status().as_u16();
        let code = header(response, "x-error-code").unwrap_or_default();
        let asked = file.map_or(model.to_string(), |file| format!("{file} of {model}"));
        let page = format!("{}/{}", self.endpoint, model.repository);
        match (status, code) {
            (401, _) if self.token.is_some() => problem(
                format!("the Hub does not accept the token for {asked} (401)"),
                format!("does {page} exist, and does the token in HF_TOKEN allow reading it?"),
            ),
            (401, _) => problem(
                format!("the Hub does not give {asked} to everyone (401)"),
                format!("if {page} exists, set HF_TOKEN to a token that may read it"),
            ),
            (403, _) => problem(
                format!("the Hub does not give {asked} to you (403)"),
                format!(
                    "accept the conditions at {page} if it has some, and set HF_TOKEN to your token"
                ),
            ),
            (404, "RevisionNotFound") => problem(
                format!("{} has no revision {}", model.repository, model.revision),
                format!(
                    "{page}/tree/main lists its branches and tags; without --revision it is main"
                ),
            ),
            (404, "EntryNotFound") => problem(
                format!("{asked} is not there (404)"),
                format!("{page}/tree/main lists what is"),
            ),
            (404, _) => problem(
                format!("{asked} is not on the Hub at {} (404)", self.endpoint),
                "`clipwright models` lists short names; for a private repository set HF_TOKEN",
            ),
            (429, _) => problem(
                "the Hub has had too many requests from here (429)".to_string(),
                "wait some minutes; with HF_TOKEN set it allows more",
            ),
            _ => problem(
                format!("the Hub at {} answers {status} for {asked}", self.endpoint),
                "try again later, or name a mirror in HF_ENDPOINT",
            ),
        }
    }

    /// The error of a connection that fails.
    pub fn unreachable(&self, error: &ureq::Error) -> anyhow::Error {
        problem(
            format!("cannot reach the Hub at {}: {error}", self.endpoint),
            "is there a network, a proxy (HTTPS_PROXY), the right HF_ENDPOINT? With \
             HF_HUB_OFFLINE=1 what is in the cache is used without asking",
        )
    }

    fn misunderstood(&self, what: &str) -> anyhow::Error {
        problem(
            format!("{} does not answer as the Hub does: {what}", self.endpoint),
            "does HF_ENDPOINT name the Hub or a mirror of it?",
        )
    }

    fn at_commit(&self, model: &HubModel, commit: &str) -> ApiRepo {
        let at_commit = HubModel {
            revision: commit.into(),
            ..model.clone()
        };
        self.api.repo(at_commit.repo())
    }

    fn authorised(&self, request: RequestBuilder<WithoutBody>) -> RequestBuilder<WithoutBody> {
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        }
    }
}

/// The header as text, if it is some.
pub fn header<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Where a repository that got another name is now: a redirect inside the server.
fn moved(url: &str, response: &Response<Body>) -> Option<String> {
    let place = header(response, "location").filter(|_| response.status().is_redirection())?;
    if !place.starts_with('/') || place.starts_with("//") {
        return None;
    }
    let url: Uri = url.parse().ok()?;
    Some(format!(
        "{}://{}{place}",
        url.scheme_str()?,
        url.authority()?
    ))
}
