//! What an answer of the Hub that is no success means, and what to try.

use super::Hub;
use crate::state::Problem;

/// The problem of an HTTP status, with the Hub's own `code` (`X-Error-Code`) where
/// there is one, for the repository `name`.
pub fn refusal(hub: &Hub, name: &str, status: u16, code: &str) -> Problem {
    let page = hub.page(name);
    match (status, code) {
        (401, _) => Problem::new(
            format!(
                "the Hub does not give {name} to everyone, or there is no such repository (401)"
            ),
            format!(
                "check the name at {page}. A private or gated model can be downloaded there and dropped here"
            ),
        ),
        (403, _) => Problem::new(
            format!("the Hub does not give {name} to everyone (403)"),
            format!("accept its conditions at {page}, download it there, and drop the files here"),
        ),
        (404, "RevisionNotFound") => Problem::new(
            format!("the repository {name} has no such revision (404)"),
            format!("{page}/tree/main lists its branches and tags"),
        ),
        (404, "EntryNotFound") => Problem::new(
            format!("a file of {name} is not there (404)"),
            "look the repository up again: it may have changed",
        ),
        (404, _) => Problem::new(
            format!("the repository {name} is not on the Hub (404)"),
            "check owner and name: capitals count",
        ),
        (429, _) => Problem::new(
            "the Hub has had too many requests from here (429)",
            "wait some minutes, then continue",
        ),
        (500.., _) => Problem::new(
            format!("the Hub has a trouble of its own ({status})"),
            "try again later; what is here stays",
        ),
        _ => Problem::new(
            format!("the Hub answers {status} for {name}"),
            "try again later",
        ),
    }
}

/// The problem of a connection that fails.
pub fn offline(hub: &Hub) -> Problem {
    Problem::new(
        format!("the Hub at {} cannot be reached", hub.host()),
        "is there a network? What is on this device can be used without; a download goes on where \
         it stopped",
    )
}

#[cfg(test)]
mod tests {
    use super::{offline, refusal};
    use crate::hub::Hub;

    #[test]
    fn every_refusal_says_what_to_try() {
        let hub = Hub::default();
        for (status, code, words) in [
            (401, "", "not give owner/name"),
            (403, "GatedRepo", "(403)"),
            (404, "RevisionNotFound", "no such revision"),
            (404, "EntryNotFound", "a file of owner/name"),
            (404, "RepoNotFound", "not on the Hub"),
            (429, "", "too many requests"),
            (503, "", "trouble of its own (503)"),
            (418, "", "418"),
        ] {
            let problem = refusal(&hub, "owner/name", status, code);
            assert!(
                problem.message.contains(words),
                "{status} {code}: {problem:?}"
            );
            assert!(problem.hint.is_some(), "{status} {code}");
        }
        assert!(offline(&hub).message.contains("huggingface.co"));
    }
}
