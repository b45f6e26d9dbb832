"""A model in open_clip's form, as open_clip builds it."""

import json


def image_encoder(folder):
    """The image encoder of `folder`, with its `open_clip_model.safetensors`."""
    import open_clip
    from safetensors.torch import load_file

    config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    clip = open_clip.model.CLIP(
        **{key: config[key] for key in ("embed_dim", "vision_cfg", "text_cfg")},
        quick_gelu=config.get("quick_gelu", False),
    )
    clip.load_state_dict(load_file(folder / "open_clip_model.safetensors"), strict=False)
    return clip.eval().visual
