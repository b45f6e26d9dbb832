//! `clipwright convert`: a model as safetensors, in the naming, element type and
//! parts that are asked for.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clipwright_shared::Error;
use clipwright_shared::checkpoint::{ModelForm, write_model_as};
use clipwright_shared::clip::{Change, ModelFile, Naming, hugging_face_json, open_clip_json};
use serde_json::{Value, json};

use crate::args::{Convert, Encoder, NamingArg};
use crate::model;
use crate::problem::problem;
use crate::whole_file::write_whole_with;

pub fn run(args: &Convert) -> Result<()> {
    let (weights, parameters) = write(args, None)?;
    println!(
        "{}",
        json!({
            "out": weights,
            "bytes": std::fs::metadata(&weights)?.len(),
            "parameters": parameters,
        })
    );
    Ok(())
}

/// Writes the model, each tensor's values changed on the way by `change` if there is one;
/// returns the file of weights and how many values it has.
/// Checks the whole file before it writes anything.
pub(super) fn write(args: &Convert, change: Option<&Change<'_>>) -> Result<(PathBuf, usize)> {
    let out = Out::new(args)?;
    let files = model::find(&args.model)?;
    let mut file = files.read()?;
    let audit = file.audit();
    if !audit.is_clean() {
        return Err(Error::Audit(audit)).context(format!("cannot convert {}", args.model));
    }
    let naming = args.naming.map_or(file.naming, Naming::from);
    let form = ModelForm::copy_of(&file, naming, args.dtype.into(), change)?;
    match args.only {
        Some(Encoder::Image) => file.text = None,
        Some(Encoder::Text) => file.image = None,
        None => {}
    }
    if file.image.is_none() && file.text.is_none() {
        return Err(problem(
            format!("{} has no such encoder", args.model),
            "`clipwright inspect` says which it has",
        ));
    }
    let is_resnet = file.image.as_ref().is_some_and(|image| image.is_resnet());
    if is_resnet && naming == Naming::HuggingFace {
        return Err(problem(
            format!(
                "the image encoder of {} is a ResNet, which transformers' CLIP has not",
                args.model
            ),
            "use --naming openai, open-clip or open-clip-custom-text",
        ));
    }
    let configuration = out.configuration(args.naming, naming, &file)?;
    write_whole_with(&out.weights, |writer| {
        let change = change.unwrap_or(&|_, _| Ok(()));
        Ok(write_model_as(&file, &form, change, writer)?)
    })?;
    if let Some((path, json)) = configuration {
        let text = serde_json::to_string_pretty(&json)? + "\n";
        write_whole_with(&path, |writer| Ok(writer.write_all(text.as_bytes())?))?;
    }
    let (parameters, _) = file.contents();
    Ok((out.weights, parameters))
}

/// Where the files go.
struct Out {
    weights: PathBuf,
    /// The folder that also gets a configuration.
    folder: Option<PathBuf>,
}

impl Out {
    fn new(args: &Convert) -> Result<Self> {
        let is_file = args
            .out
            .extension()
            .is_some_and(|kind| kind == "safetensors");
        let out = match is_file {
            true => Self {
                weights: args.out.clone(),
                folder: None,
            },
            false => Self {
                weights: args.out.join(weights_name(args)),
                folder: Some(args.out.clone()),
            },
        };
        if !is_file && args.out.is_file() {
            return Err(problem(
                format!("{} is a file of another kind", args.out.display()),
                "expected a name that ends in .safetensors, or a folder",
            ));
        }
        if out.weights.exists() && !args.overwrite {
            return Err(problem(
                format!("{} is there already", out.weights.display()),
                "choose another name, or replace it with --overwrite",
            ));
        }
        Ok(out)
    }

    /// The configuration file that the naming's own library asks for.
    fn configuration(
        &self,
        asked: Option<NamingArg>,
        naming: Naming,
        file: &ModelFile<'_>,
    ) -> Result<Option<(PathBuf, Value)>> {
        let Some(folder) = &self.folder else {
            return Ok(None);
        };
        let file_of = |name: &str, json| Ok(Some((Path::join(folder, name), json)));
        let (image, text) = (file.image.as_ref(), file.text.as_ref());
        match naming {
            Naming::HuggingFace => file_of(
                "config.json",
                hugging_face_json(image, text, file.embed_dim)?,
            ),
            // One half alone has no configuration in open_clip, and OpenAI's
            // files need none.
            _ if image.is_none() || text.is_none() => Ok(None),
            Naming::OpenAi if asked != Some(NamingArg::OpenClip) => Ok(None),
            Naming::OpenAi | Naming::OpenClipCustomText => {
                file_of("open_clip_config.json", open_clip_json(&file.config()?)?)
            }
        }
    }
}

fn weights_name(args: &Convert) -> &'static str {
    match (args.only, args.naming) {
        (Some(Encoder::Image), _) => "image.safetensors",
        (Some(Encoder::Text), _) => "text.safetensors",
        (None, Some(NamingArg::OpenClip | NamingArg::OpenClipCustomText)) => {
            "open_clip_model.safetensors"
        }
        (None, _) => "model.safetensors",
    }
}
