//! Models of the Hugging Face Hub.

use clap::Args as Group;

/// Variables are told where they matter: in the help of `pull`.
const VARIABLES: &str = "Environment:
  HF_HOME           where the cache is; HF_HUB_CACHE names the cache itself
  HF_TOKEN          a token for repositories that are not for everyone
  HF_ENDPOINT       a mirror of the Hub
  HF_HUB_OFFLINE=1  use what is in the cache, ask nobody
  HF_HUB_DOWNLOAD_TIMEOUT  seconds to wait for a silent server [default: 30]";

#[derive(Debug, Group)]
#[command(after_help = VARIABLES)]
pub struct Pull {
    /// Short name, such as openai/ViT-B-16, or repository id on the Hub
    pub name: String,
    /// Branch, tag or commit [default: main]
    #[arg(long)]
    pub revision: Option<String>,
}

#[derive(Debug, Group)]
pub struct Models {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}
