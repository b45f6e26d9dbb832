//! `clipwright export`: what was learned, in another program's form.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::Tokenizer;
use clipwright_shared::interop::{
    Form, Merge, ModelSizes, clip_lora_file, coop_checkpoint, peft_files,
};
use clipwright_shared::learners::ZeroShot;
use serde_json::json;

use super::convert;
use crate::args::{Convert, DtypeArg, Export};
use crate::problem::problem;
use crate::whole_file::write_whole;
use crate::{learned, model};

/// Makes everything in memory before it writes anything.
pub fn run(args: &Export) -> Result<()> {
    let form = Form::from(args.form);
    check(args, form)?;
    let model = args.model.as_deref().map(model::clip).transpose()?;
    let mut options = args.unsaid.options()?;
    options.template.clone_from(&args.template);
    let sizes = model.as_ref().map(|(clip, _)| ModelSizes::of(clip));
    options.model = sizes.transpose()?;
    let mut file = learned::read(&args.learned, &options)?;
    check_form(&file, form)?;
    if let Some((clip, fingerprint)) = &model {
        // Whether it fits is seen now, and ours names the model from here on.
        learned::check_fit(&file, &args.learned, clip, fingerprint)?;
        file.metadata.model_fingerprint = Some(fingerprint.clone());
    }
    let written = match form {
        Form::Safetensors => whole(&args.out, &file.to_bytes()?)?,
        Form::Coop => {
            let tokenizer = model.as_ref();
            let tokenizer = tokenizer.map(|(clip, _)| Tokenizer::new(clip.text.vocabulary()));
            let tokenizer = tokenizer.transpose()?;
            let clip = model.as_ref().map(|(clip, _)| clip);
            whole(
                &args.out,
                &coop_checkpoint(&file, clip.zip(tokenizer.as_ref()))?,
            )?
        }
        Form::ClipLora => {
            let sizes = options.model.ok_or_else(|| needs_model(form))?;
            whole(&args.out, &clip_lora_file(&file, sizes)?)?
        }
        Form::Peft => {
            // The configuration last: a folder without it is no adapter.
            let mut files = peft_files(&file)?;
            files.reverse();
            let mut written = Vec::new();
            for (name, bytes) in files {
                written.extend(whole(&args.out.join(name), &bytes)?);
            }
            written
        }
        Form::Merged => {
            drop(model); // it is read again, one tensor at a time
            merged(args, &file)?
        }
    };
    let bytes: u64 = written
        .iter()
        .map(|path| Ok(std::fs::metadata(path)?.len()))
        .sum::<Result<u64>>()?;
    println!(
        "{}",
        json!({
            "out": args.out,
            "as": form.to_string(),
            "method": file.metadata.method,
            "template": file.metadata.facts.template,
            "bytes": bytes,
        })
    );
    Ok(())
}

/// What can be seen before anything is read.
fn check(args: &Export, form: Form) -> Result<()> {
    if args.model.is_none() && matches!(form, Form::ClipLora | Form::Merged) {
        return Err(needs_model(form));
    }
    for (flag, given) in [
        ("--naming", args.naming.is_some()),
        ("--dtype", args.dtype.is_some()),
    ] {
        if given && form != Form::Merged {
            return Err(problem(
                format!("{flag} is for a whole model; {form} is written as f32 in its own naming"),
                "leave it out, or use --as merged",
            ));
        }
    }
    if let Some(template) = &args.template {
        ZeroShot::new([template.as_str()])?;
    }
    let out = &args.out;
    let is_there = |path: &Path| match path.exists() && !args.overwrite {
        true => Err(problem(
            format!("{} is there already", path.display()),
            "choose another name, or replace it with --overwrite",
        )),
        false => Ok(()),
    };
    match form {
        Form::Merged => Ok(()), // as for `convert`
        Form::Peft if out.is_file() => Err(problem(
            format!("{} is a file", out.display()),
            "a PEFT adapter is a folder: choose another name",
        )),
        Form::Peft => ["adapter_config.json", "adapter_model.safetensors"]
            .iter()
            .try_for_each(|name| is_there(&out.join(name))),
        _ if out.is_dir() => Err(problem(
            format!("{} is a folder", out.display()),
            match form {
                Form::Coop => "name a file in it, such as prompt_learner/model.pth.tar-50",
                Form::ClipLora => "name a file in it, such as lora_weights.pt",
                _ => "name a file in it, such as learned.safetensors",
            },
        )),
        _ => is_there(out),
    }
}

fn needs_model(form: Form) -> anyhow::Error {
    problem(
        format!("{form} needs the model that it was learned on"),
        "name it with --model",
    )
}

fn check_form(file: &LearnedFile, form: Form) -> Result<()> {
    let method = file.metadata.method;
    let forms = Form::of(method);
    if forms.contains(&form) {
        return Ok(());
    }
    let forms: Vec<String> = forms.iter().map(Form::to_string).collect();
    Err(problem(
        format!("what {} learns has no form {form}", method.title()),
        format!("use --as {}", forms.join(" or ")),
    ))
}

fn whole(path: &Path, bytes: &[u8]) -> Result<Vec<PathBuf>> {
    write_whole(path, bytes)?;
    Ok(vec![path.into()])
}

/// Writes the model with the adapter added, as `convert` writes a model.
fn merged(args: &Export, file: &LearnedFile) -> Result<Vec<PathBuf>> {
    let merge = Merge::new(file)?;
    let convert = Convert {
        model: args.model.clone().unwrap_or_default(),
        out: args.out.clone(),
        naming: args.naming,
        dtype: args.dtype.unwrap_or(DtypeArg::F32),
        only: None,
        overwrite: args.overwrite,
    };
    let (weights, _) = convert::write(&convert, Some(&|name, values| merge.add(name, values)))?;
    Ok(vec![weights])
}
