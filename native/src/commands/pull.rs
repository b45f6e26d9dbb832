//! `clipwright pull`: a model from the Hub into the cache.

use anyhow::Result;

use crate::args::Pull;
use crate::hub::{self, HubModel, Settings};

pub fn run(args: &Pull) -> Result<()> {
    let model = HubModel::new(&args.name, args.revision.as_deref())?;
    let folder = hub::pull(&Settings::from_env()?, &model)?;
    println!("{}", folder.display());
    Ok(())
}
