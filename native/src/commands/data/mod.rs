//! `clipwright data`: what is known of data sets, what of one is there, and
//! pictures of the embedded model's world.

mod check;
mod generate;
mod list;

use anyhow::Result;

use crate::args::Data;

pub fn run(args: &Data) -> Result<()> {
    match args {
        Data::Check(args) => check::check(args),
        Data::List(args) => list::list(args),
        Data::Generate(args) => generate::generate(args),
        Data::Samples(args) => generate::samples(args),
    }
}
