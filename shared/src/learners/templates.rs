//! Sets of templates whose text features are averaged.

/// The seven templates that CoOp averages for zero-shot CLIP on ImageNet, chosen
/// by CLIP's authors out of their eighty (KaiyangZhou/CoOp,
/// `trainers/imagenet_templates.py`, `IMAGENET_TEMPLATES_SELECT`; openai/CLIP,
/// `notebooks/Prompt_Engineering_for_ImageNet.ipynb`).
pub const IMAGENET_TEMPLATES_SELECT: [&str; 7] = [
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
];
