//! Where the Hub is, and the addresses of what is asked of it.

use super::Repository;
use crate::state::Problem;

const HUGGING_FACE: &str = "https://huggingface.co";

/// The Hub, or a folder of the page's own host in its layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    /// Without a slash at its end.
    base: String,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            base: HUGGING_FACE.into(),
        }
    }
}

impl Hub {
    /// The Hub for a page of this `origin`: Hugging Face's, unless the page or its
    /// address names a folder of the page's own host. Others are not taken: an
    /// address that someone passes on must not lead to foreign models.
    ///
    /// # Errors
    /// If the named one is on another host.
    pub fn choose(origin: &str, named: Option<&str>) -> Result<Self, Problem> {
        let Some(named) = named.filter(|named| !named.is_empty()) else {
            return Ok(Self::default());
        };
        let path = named.strip_prefix(origin).unwrap_or(named);
        let path = path.trim_end_matches('/');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        let is_path = path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(plain)
            && path.split('/').all(|part| part != "..");
        if !is_path {
            return Err(Problem::new(
                format!("models are not fetched from “{named}”; expected a path such as /hub"),
                "only huggingface.co and this page's own host are asked for models",
            ));
        }
        Ok(Self {
            base: format!("{origin}{path}"),
        })
    }

    /// The host, for people.
    pub fn host(&self) -> &str {
        self.base
            .split_once("://")
            .map_or(&self.base[..], |(_, host)| host)
    }

    /// What a repository holds, with sizes.
    pub fn listing(&self, repository: &Repository) -> String {
        let Repository { name, revision } = repository;
        let revision = revision.replace('/', "%2F");
        format!(
            "{}/api/models/{name}/revision/{revision}?blobs=true",
            self.base
        )
    }

    /// A file of a repository at a commit.
    pub fn file(&self, name: &str, commit: &str, file: &str) -> String {
        format!("{}/{name}/resolve/{commit}/{file}", self.base)
    }

    /// The repository's page, for people.
    pub fn page(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::Hub;
    use crate::hub::Repository;

    const ORIGIN: &str = "http://127.0.0.1:8080";

    #[test]
    fn addresses_are_the_hubs() {
        let hub = Hub::choose(ORIGIN, None).unwrap();
        let repository = Repository::read("owner/name@refs/pr/3").unwrap();
        assert_eq!(
            hub.listing(&repository),
            "https://huggingface.co/api/models/owner/name/revision/refs%2Fpr%2F3?blobs=true"
        );
        assert_eq!(
            hub.file("owner/name", "0123", "model.safetensors"),
            "https://huggingface.co/owner/name/resolve/0123/model.safetensors"
        );
        assert_eq!(hub.page("owner/name"), "https://huggingface.co/owner/name");
        assert_eq!(hub.host(), "huggingface.co");
    }

    #[test]
    fn another_hub_is_on_the_pages_own_host() {
        for named in ["/hub", "/hub/", "http://127.0.0.1:8080/hub"] {
            let hub = Hub::choose(ORIGIN, Some(named)).unwrap();
            let expected = "http://127.0.0.1:8080/hub/a/b/resolve/c/d.json";
            assert_eq!(hub.file("a/b", "c", "d.json"), expected, "{named}");
        }
        assert_eq!(Hub::choose(ORIGIN, Some("")).unwrap(), Hub::default());
        for named in [
            "https://example.com",
            "//example.com/hub",
            "http://127.0.0.1:8080.example.com/hub",
            "http://127.0.0.1:80801/hub",
            "hub",
            "/hub/../..",
            "/hub?x=/",
            "/hub@example.com",
            "javascript:alert(1)",
        ] {
            let problem = Hub::choose(ORIGIN, Some(named)).unwrap_err();
            assert!(problem.message.contains(named), "{named}: {problem:?}");
        }
    }
}
