//! Learned files for the embedded model, of every method and shape.

use std::fs;

use anyhow::Result;
use candle_core::{Device, Tensor};
use clipwright_shared::Session;
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::Projection;
use clipwright_shared::learners::{
    Blocks, ClassTokenPosition, CoCoOp, ContextInit, Coop, CoopSettings, EncoderLora, Learner,
    LinearProbe, Lora, LoraFacts, LoraSettings, Scaling, ZeroShot,
};
use clipwright_tests::repository_root;

pub const CLASSES: [&str; 3] = ["red cross", "yellow_ring", "blue dotted star"];

pub fn session() -> Result<Session> {
    let tiny = repository_root().join("static/model/tiny.safetensors");
    Ok(Session::from_bytes(&fs::read(tiny)?, &Device::Cpu)?)
}

pub fn class_names() -> Vec<String> {
    CLASSES.map(String::from).into()
}

pub fn coop(session: &Session, class_specific: bool, words: Option<&str>) -> Result<LearnedFile> {
    let settings = CoopSettings {
        n_ctx: 3,
        class_specific,
        position: ClassTokenPosition::Middle,
        init: match words {
            Some(words) => ContextInit::Words(words.into()),
            None => ContextInit::Random { seed: 5 },
        },
    };
    let coop = Coop::new(&session.clip, &session.tokenizer, &class_names(), &settings)?;
    Ok(trained(Learner::Coop(coop)))
}

pub fn cocoop(session: &Session) -> Result<LearnedFile> {
    let settings = CoopSettings {
        n_ctx: 4,
        class_specific: false,
        position: ClassTokenPosition::End,
        init: ContextInit::Random { seed: 6 },
    };
    let names = class_names();
    let cocoop = CoCoOp::new(&session.clip, &session.tokenizer, &names, &settings, 7)?;
    Ok(trained(Learner::CoCoOp(cocoop)))
}

pub fn probe(session: &Session) -> Result<LearnedFile> {
    let dims = (CLASSES.len(), session.clip.config.embed_dim);
    Ok(trained(Learner::LinearProbe(LinearProbe {
        weight: Tensor::randn(0f32, 1.0, dims, &Device::Cpu)?,
        bias: Tensor::new(&[0.5f32, -1.0, 0.25], &Device::Cpu)?,
        class_names: class_names(),
    })))
}

/// An adapter that changes something.
pub fn lora(
    session: &Session,
    image: Option<EncoderLora>,
    text: Option<EncoderLora>,
    scaling: Scaling,
    projections: &[Projection],
) -> Result<LearnedFile> {
    let settings = LoraSettings {
        image,
        text,
        projections: projections.into(),
        blocks: Blocks::All,
        scaling,
        seed: 8,
    };
    let mut adapter = settings.start(&session.clip)?;
    for tensor in adapter.tensors_mut() {
        let noise = Tensor::randn(0f32, 0.35, tensor.dims(), &Device::Cpu)?;
        *tensor = (&*tensor + noise)?;
    }
    Ok(trained(Learner::Lora(Lora {
        adapter,
        facts: LoraFacts {
            image,
            text,
            scaling,
            logit_scale: 5.0,
        },
        prompt: ZeroShot::new(["a {} drawn here."])?,
        class_names: class_names(),
    })))
}

pub fn sizes(rank: usize, alpha: f64) -> Option<EncoderLora> {
    Some(EncoderLora { rank, alpha })
}

fn trained(learner: Learner) -> LearnedFile {
    let mut file = LearnedFile::new(&learner, None);
    file.metadata.shots = Some(4);
    file.metadata.seed = 3;
    file.metadata.epochs = 20;
    file
}
