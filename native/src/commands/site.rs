//! `clipwright site`: a classifier's own page, as a folder that any file host serves.

use std::path::Path;

use anyhow::{Context, Result};
use clipwright_shared::checkpoint::{ModelForm, write_model_as};
use clipwright_shared::clip::Naming;
use clipwright_shared::protocol::{SITE_FILE, SiteInfo, SiteLearned, SiteModel};
use clipwright_shared::session::check_class_names;
use serde_json::json;

use crate::args::{Precision, Site};
use crate::model;
use crate::site::{self, BuiltPage, Chosen, Described, NewFolder};

/// Where the weights are in the folder.
const MODEL_FILE: &str = "site/model.safetensors";

/// Makes everything that can fail before the folder appears.
pub fn run(args: &Site) -> Result<()> {
    let page = BuiltPage::find(args.page.as_deref())?;
    let index = page.index()?;
    let folder = NewFolder::begin(&args.out)?;
    let mut session = model::open_by_name(&args.model, "cpu", Precision::F32)?;
    let chosen = site::choose(&mut session, &args.learned, &args.unsaid.options()?)?;
    let class_names = match &args.classes[..] {
        [] => site::common_classes(&chosen)?,
        names => names.iter().map(|name| name.trim().to_string()).collect(),
    };
    check_class_names(&class_names)?;
    let has_text = chosen.iter().any(Chosen::needs_text);
    // Zero-shot is on every page; what is wrong with a template is seen now.
    let zero_shot = session.ready_zero_shot(&class_names, &args.template)?;

    let mut learned = Vec::new();
    for (number, one) in (1..).zip(&chosen) {
        let file = format!("site/learned-{number}.safetensors");
        let bytes = one.bytes(&mut session, &class_names, has_text)?;
        learned.push(SiteLearned {
            name: one.name.clone(),
            method: one.method,
            bytes: folder.write(&file, |writer| Ok(writer.write_all(&bytes)?))?,
            file,
        });
    }
    let form = ModelForm {
        naming: Naming::OpenAi,
        dtype: args.dtype.into(),
        fingerprint: Some(session.fingerprint().into()),
        zero_shot: (!has_text).then_some(zero_shot),
    };
    drop(session); // the model is read again, one tensor at a time
    let files = model::find(&args.model)?;
    let bytes = folder.write(MODEL_FILE, |writer| {
        Ok(write_model_as(
            &files.read()?,
            &form,
            &|_, _| Ok(()),
            writer,
        )?)
    })?;

    let title = match &args.title {
        Some(title) => title.trim().to_string(),
        None => site::title(&class_names),
    };
    let described = Described {
        title: &title,
        description: &site::description(&class_names),
        model: MODEL_FILE,
    };
    let index = site::describe(&index, &described)?;
    folder.write("index.html", |writer| {
        Ok(writer.write_all(index.as_bytes())?)
    })?;
    for (path, name) in page.files(has_text)? {
        match name == site::MANIFEST {
            true => {
                let manifest =
                    site::described_manifest(&std::fs::read_to_string(&path)?, &described)?;
                folder.write(&name, |writer| Ok(writer.write_all(manifest.as_bytes())?))?
            }
            false => folder.copy(&path, &name)?,
        };
    }
    let info = SiteInfo {
        title,
        class_names,
        templates: args.template.clone(),
        has_text,
        model: SiteModel {
            name: model_name(&args.model),
            file: MODEL_FILE.into(),
            bytes,
        },
        learned,
    };
    let text = serde_json::to_string_pretty(&info).context("site.json")? + "\n";
    folder.write(SITE_FILE, |writer| Ok(writer.write_all(text.as_bytes())?))?;
    folder.finish()?;
    println!("{}", json!({"out": args.out, "site": info}));
    Ok(())
}

/// The model as people know it: its name, or that of its file.
fn model_name(model: &str) -> String {
    let path = Path::new(model);
    match path.exists() {
        true => path
            .file_stem()
            .map_or_else(|| model.into(), |stem| stem.to_string_lossy().into_owned()),
        false => model.into(),
    }
}
