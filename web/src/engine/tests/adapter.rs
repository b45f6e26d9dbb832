//! Adapters of both encoders that change something.

use clipwright_shared::Session;
use clipwright_shared::checkpoint::LearnedFile;
use clipwright_shared::clip::Projection;
use clipwright_shared::learners::{
    Blocks, EncoderLora, Learner, Lora, LoraFacts, LoraSettings, Scaling, ZeroShot,
};

/// What CLIP-LoRA might have learned on these classes; `shift` is added to what it starts
/// from.
pub fn lora(session: &Session, class_names: Vec<String>, shift: f64) -> Learner {
    let sizes = Some(EncoderLora {
        rank: 2,
        alpha: 1.0,
    });
    let scaling = Scaling::AlphaOverRank;
    let settings = LoraSettings {
        image: sizes,
        text: sizes,
        projections: vec![Projection::Query, Projection::Value],
        blocks: Blocks::All,
        scaling,
        seed: 8,
    };
    let mut adapter = settings.start(&session.clip).unwrap();
    for tensor in adapter.tensors_mut() {
        *tensor = (&*tensor + shift).unwrap();
    }
    Learner::Lora(Lora {
        adapter,
        facts: LoraFacts {
            image: sizes,
            text: sizes,
            scaling,
            logit_scale: 20.0,
        },
        prompt: ZeroShot::new(["a {} drawn here."]).unwrap(),
        class_names,
    })
}

/// The bytes of its file, which names the model that it belongs to.
pub fn file_of(session: &Session, learner: &Learner) -> Vec<u8> {
    let file = LearnedFile::new(learner, Some(session.fingerprint().into()));
    file.to_bytes().unwrap()
}
