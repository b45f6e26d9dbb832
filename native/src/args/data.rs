//! Arguments of the commands on data sets.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Data {
    /// Say what of a data set is there, what is missing and where that is from
    Check(Check),
    /// List the data sets that are known by name
    List(DataList),
    /// Write a domain as image folders: OUT/{train,val,test}/<class>/NNNN.png
    Generate(Generate),
    /// Write a few pictures and their class names for the page
    Samples(Samples),
}

#[derive(Debug, Group)]
#[command(allow_missing_positional = true)]
pub struct Check {
    /// Name of the data set, such as eurosat [default: a plain folder or list]
    pub name: Option<String>,
    /// Its folder or the one that holds it; a folder of images; a .csv or .json list
    #[arg(value_name = "DIR")]
    pub data: PathBuf,
    /// Decode every image too, and name those that cannot be read
    #[arg(long)]
    pub decode: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Group)]
pub struct DataList {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Group)]
pub struct Generate {
    /// world (as in pretraining) or shifted (sketched, noisy, unusual names)
    pub domain: String,
    /// Folder to write
    #[arg(long)]
    pub out: PathBuf,
    /// Pictures per class in train and in test; val has a quarter
    #[arg(long, default_value_t = 32)]
    pub per_class: usize,
    /// Side of a picture in pixels
    #[arg(long, default_value_t = 64)]
    pub side: usize,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

#[derive(Debug, Group)]
pub struct Samples {
    /// Folder to write
    #[arg(long)]
    pub out: PathBuf,
}
