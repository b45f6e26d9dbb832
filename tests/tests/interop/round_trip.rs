//! What is written in another program's form is read back as it was.

use anyhow::{Context, Result, ensure};
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::Projection;
use clipwright_shared::interop::{
    ModelSizes, NamedBytes, ReadOptions, clip_lora_file, coop_checkpoint, peft_files, read,
};
use clipwright_shared::learners::{Learner, Scaling};

use super::golden::bits;
use super::made;

pub fn read_one(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<LearnedFile> {
    Ok(read(&[NamedBytes { name, bytes }], options)?)
}

/// Tensors to the bit, and all that is said of them.
fn same(what: &str, got: &LearnedFile, expected: &LearnedFile) -> Result<()> {
    ensure!(
        got.metadata == expected.metadata,
        "{what}: {:?} instead of {:?}",
        got.metadata,
        expected.metadata
    );
    let names = |file: &LearnedFile| -> Vec<String> {
        file.tensors.iter().map(|(name, _)| name.into()).collect()
    };
    ensure!(names(got) == names(expected), "{what}: {:?}", names(got));
    for (name, tensor) in expected.tensors.iter() {
        let other = got.tensors.get(name).context("gone")?;
        ensure!(other.dims() == tensor.dims(), "{what}: {name}");
        ensure!(bits(other)? == bits(tensor)?, "{what}: {name}");
    }
    Ok(())
}

#[test]
fn contexts_come_back_from_coops_checkpoint() -> Result<()> {
    let session = made::session()?;
    let model = Some((&session.clip, &session.tokenizer));
    for (what, file) in [
        ("unified", made::coop(&session, false, None)?),
        ("class-specific", made::coop(&session, true, None)?),
        ("words", made::coop(&session, false, Some("a photo of a"))?),
        ("CoCoOp", made::cocoop(&session)?),
    ] {
        for model in [None, model] {
            let bytes = coop_checkpoint(&file, model)?;
            ensure!(
                bytes == coop_checkpoint(&file, model)?,
                "{what}: other bytes"
            );
            let got = read_one("model.pth.tar-20", &bytes, &ReadOptions::default())?;
            same(what, &got, &file)?;
        }
    }
    // With a model it has all that the reference's own module has.
    let file = made::coop(&session, false, None)?;
    let bytes = coop_checkpoint(&file, model)?;
    let checkpoint = clipwright_shared::formats::Checkpoint::read(&bytes)?;
    let (width, length) = (
        session.clip.text.width(),
        session.clip.text.context_length(),
    );
    for (name, dims) in [
        ("token_prefix", vec![3, 1, width]),
        ("token_suffix", vec![3, length - 1 - 3, width]),
    ] {
        let tensor = &checkpoint.tensors[&format!("state_dict.{name}")];
        ensure!(tensor.dims == dims, "{name}: {:?}", tensor.dims);
    }
    Ok(())
}

#[test]
fn adapters_come_back_from_every_form() -> Result<()> {
    let session = made::session()?;
    let [q, k, v, o] = Projection::ALL;
    let (rank, root) = (Scaling::AlphaOverRank, Scaling::AlphaOverRootRank);
    let sizes = ModelSizes::of(&session.clip)?;
    let options = ReadOptions {
        model: Some(sizes),
        ..ReadOptions::default()
    };
    for (what, image, text, scaling, projections, is_clip_loras) in [
        (
            "both",
            made::sizes(2, 1.0),
            made::sizes(2, 1.0),
            root,
            &[q, k, v][..],
            true,
        ),
        ("vision", made::sizes(4, 2.0), None, root, &[q, v], true),
        ("text", None, made::sizes(3, 6.0), root, &[q, k, v, o], true),
        (
            "plain",
            made::sizes(4, 8.0),
            made::sizes(4, 8.0),
            rank,
            &[q, v],
            false,
        ),
        (
            "two ranks",
            made::sizes(8, 32.0),
            made::sizes(2, 32.0),
            rank,
            &[q, v],
            false,
        ),
        (
            "two alphas",
            made::sizes(2, 0.3),
            made::sizes(2, 7.0),
            root,
            &[o],
            false,
        ),
    ] {
        let file = made::lora(&session, image, text, scaling, projections)?;
        let ours = file.to_bytes()?;
        same(
            what,
            &read_one("learned.safetensors", &ours, &options)?,
            &file,
        )?;

        let peft = peft_files(&file)?;
        let files = [0, 1].map(|at| NamedBytes {
            name: peft[at].0,
            bytes: &peft[at].1,
        });
        same(what, &read(&files, &options)?, &file)?;
        // The order of the two does not matter.
        same(what, &read(&[files[1], files[0]], &options)?, &file)?;

        let written = clip_lora_file(&file, sizes);
        if is_clip_loras {
            let got = read_one("weights.pt", &written?, &options)?;
            same(what, &got, &file)?;
        } else if what == "two ranks" {
            let error = written.err().context("two ranks were written")?.to_string();
            ensure!(error.contains("the rank is"), "{error}");
        } else {
            // Another scaling: the same change of every weight, up to rounding.
            let got = read_one("weights.pt", &written?, &options)?;
            ensure!(got.metadata.facts.lora.context("no facts")?.scaling == root);
            same_changes(what, &session, &got, &file)?;
        }
    }
    Ok(())
}

fn same_changes(
    what: &str,
    session: &clipwright_shared::Session,
    got: &LearnedFile,
    expected: &LearnedFile,
) -> Result<()> {
    let adapter = |file: &LearnedFile| match file.learner(&session.clip, "any")? {
        Learner::Lora(lora) => Ok(lora.adapter),
        _ => anyhow::bail!("no adapter"),
    };
    let (got, expected) = (adapter(got)?, adapter(expected)?);
    let mut compared = 0;
    for (got, expected) in [(got.image, expected.image), (got.text, expected.text)] {
        for (got, expected) in got.iter().zip(&expected) {
            ensure!(got.parts.len() == expected.parts.len(), "{what}");
            for ((_, got), (_, expected)) in got.parts.iter().zip(&expected.parts) {
                let expected = expected.dense()?;
                let off = (got.dense()? - &expected)?.abs()?.max_all()?;
                let largest = expected.abs()?.max_all()?.to_scalar::<f32>()?;
                let off = off.to_scalar::<f32>()?;
                ensure!(off <= 1e-5 * largest, "{what}: {off:e} of {largest:e}");
                compared += 1;
            }
        }
    }
    ensure!(compared > 0, "{what}: nothing compared");
    Ok(())
}
