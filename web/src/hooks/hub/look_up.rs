//! What a repository is: its files, their headers, and what would be fetched.

use clipwright_shared::clip::Configuration;

use super::net::{Failure, Net};
use crate::hub::{Choice, Header, HeaderProbe, Listing, Plan, Record, Repository};
use crate::state::Problem;

/// Asks the Hub what a repository holds, and plans what to fetch of it.
pub async fn look_up(net: &Net, repository: Repository) -> Result<Record, Problem> {
    let asked = ask(net, &repository).await;
    let (commit, plan, configurations) = asked.map_err(|failure| match failure {
        Failure::Broken => net.offline(),
        Failure::Refused(problem) => problem,
    })?;
    Ok(Record::new(repository, commit, plan, &configurations))
}

async fn ask(
    net: &Net,
    repository: &Repository,
) -> Result<(String, Plan, Vec<Configuration>), Failure> {
    let listing = net.text(&net.hub.listing(repository)).await?;
    let listing = Listing::read(&listing).map_err(Failure::Refused)?;
    let choice = listing.choose().map_err(Failure::Refused)?;
    let url = |file: &str| net.hub.file(&repository.name, &listing.commit, file);
    let mut configurations = Vec::new();
    for name in &choice.configurations {
        configurations.push(Configuration {
            json: net.text(&url(name)).await?,
            name: name.clone(),
        });
    }
    let plan = plan(net, &listing, &choice, &configurations, url).await?;
    Ok((listing.commit.clone(), plan, configurations))
}

async fn plan(
    net: &Net,
    listing: &Listing,
    choice: &Choice,
    configurations: &[Configuration],
    url: impl Fn(&str) -> String,
) -> Result<Plan, Failure> {
    let files = match choice.is_sharded() {
        true => {
            let index = net.text(&url(&choice.weights)).await?;
            listing.shards(&index).map_err(Failure::Refused)?
        }
        false => vec![choice.weights.clone()],
    };
    if let [file] = &files[..]
        && !file.ends_with(".safetensors")
    {
        let bytes = match listing.size(file) {
            Some(bytes) => bytes,
            None => net.head(&url(file), 1).await?.1.ok_or(Failure::Broken)?,
        };
        return Ok(Plan::whole(file, bytes));
    }
    let mut headers = Vec::new();
    for file in files {
        let header = header(net, &url(&file)).await?;
        headers.push((file, header));
    }
    Plan::of_safetensors(&headers, configurations).map_err(Failure::Refused)
}

/// The header of a safetensors file.
async fn header(net: &Net, url: &str) -> Result<Header, Failure> {
    let mut probe = HeaderProbe::first();
    // The first answer tells how long it is; a second one that tells more is no
    // safetensors file's.
    for _ in 0..2 {
        let HeaderProbe::Needs(bytes) = probe else {
            break;
        };
        let (head, _) = net.head(url, bytes).await?;
        probe = HeaderProbe::read(&head).map_err(Failure::Refused)?;
    }
    match probe {
        HeaderProbe::Whole(header) => Ok(header),
        HeaderProbe::Needs(_) => Err(Failure::Broken),
    }
}
