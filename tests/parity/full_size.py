"""Full-size CLIPs with random weights: the reference libraries against clipwright.

Makes each model with open_clip or transformers, saves it as people get it, encodes
the same pictures and texts with the library and with `clipwright features`, and
prints how far apart they are and how much memory loading took. See README.md.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import open_clip
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

TEXTS = [
    "a photo of a dog.",
    "itap of a great white shark, caf\u00e9 &amp; sea",
    "a diagram",
    "a bad photo of the number forty-two on a very small and rather blurry sign by the road",
]

# open_clip's names for OpenAI's architectures (QuickGELU), and one with exact GELU.
OPEN_CLIP = ["RN50-quickgelu", "ViT-B-16-quickgelu", "ViT-B-16", "ViT-L-14-quickgelu"]
# OpenAI's sizes as transformers' configurations.
HUGGING_FACE = {
    "hf-ViT-B-32": {},
    "hf-ViT-L-14": {
        "projection_dim": 768,
        "text_config": {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12},
        "vision_config": {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "patch_size": 14,
        },
    },
}


def pictures(folder):
    """Three PNG files: smooth, noisy, grey."""
    random = np.random.default_rng(7)
    y, x = np.mgrid[0:333, 0:500]
    smooth = np.stack([x / 2, y * 0.7, (x + y) / 4], -1).clip(0, 255).astype(np.uint8)
    noisy = random.integers(0, 256, (260, 231, 3), dtype=np.uint8)
    grey = (smooth[..., 0] ^ smooth[..., 1]).astype(np.uint8)
    paths = []
    for name, pixels in {"smooth": smooth, "noisy": noisy, "grey": grey}.items():
        path = folder / f"{name}.png"
        Image.fromarray(pixels).save(path)
        paths.append(path)
    return paths


def perturb(model):
    """Random weights with every part in play: no zero biases, no unit gains."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "logit_scale" in name:
                parameter.fill_(4.6052)
            elif parameter.ndim < 2:
                parameter.add_(torch.randn_like(parameter) * 0.05)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                # open_clip starts the last norm of each block at zero.
                module.weight.uniform_(0.3, 0.7)


def open_clip_model(name, folder, paths):
    torch.manual_seed(1)
    model, _, preprocess = open_clip.create_model_and_transforms(name, pretrained=None)
    model.eval()
    perturb(model)
    if folder.exists():
        model.load_state_dict(load_file(folder / "open_clip_model.safetensors"))
    else:
        folder.mkdir(parents=True)
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        save_file(state, folder / "open_clip_model.safetensors")
        config = {"model_cfg": open_clip.get_model_config(name)}
        (folder / "open_clip_config.json").write_text(json.dumps(config))
    pixels = torch.stack([preprocess(Image.open(path)) for path in paths])
    tokens = open_clip.get_tokenizer(name)(TEXTS)
    with torch.no_grad():
        return model.encode_image(pixels), model.encode_text(tokens)


def hugging_face_model(name, folder, paths):
    torch.manual_seed(2)
    fields = {key: value for key, value in HUGGING_FACE[name].items() if not isinstance(value, dict)}
    config = transformers.CLIPConfig(
        text_config=HUGGING_FACE[name].get("text_config", {}) | {"projection_dim": fields.get("projection_dim", 512)},
        vision_config=HUGGING_FACE[name].get("vision_config", {}) | {"projection_dim": fields.get("projection_dim", 512)},
        **fields,
    )
    model = transformers.CLIPModel(config).eval()
    perturb(model)
    if folder.exists():
        model = transformers.CLIPModel.from_pretrained(folder).eval()
    else:
        # In shards, as large models come.
        model.save_pretrained(folder, max_shard_size="300MB")
    _, _, preprocess = open_clip.create_model_and_transforms("ViT-B-32", pretrained=None)
    pixels = torch.stack([preprocess(Image.open(path)) for path in paths])
    tokens = open_clip.get_tokenizer("ViT-B-32")(TEXTS)
    with torch.no_grad():
        vision = model.vision_model(pixel_values=pixels).pooler_output
        text = model.text_model(input_ids=tokens).pooler_output
        return model.visual_projection(vision), model.text_projection(text)


def clipwright(binary, model, paths, out, texts=TEXTS):
    """The features that the binary writes, and the most memory it held at once."""
    command = [binary, "features", "--model", model, "--out", out]
    for path in paths:
        command += ["--image", path]
    for text in texts:
        command += ["--text", text]
    words = [sys.executable, "-c", MEASURE, *(str(word) for word in command)]
    process = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    if process.returncode != 0:
        sys.exit(f"clipwright ended with {process.returncode}")
    return load_file(out), int(process.stdout) * 1024


# A process inherits the most memory of the one that started it, and this one is
# large: a small one in between measures.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def apart(got, expected):
    """The largest difference, relative to the largest value."""
    return ((got - expected).abs().max() / expected.abs().max()).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, required=True, help="the binary clipwright")
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="where models are made")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("names", nargs="*", default=[*OPEN_CLIP, *HUGGING_FACE])
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    paths = pictures(arguments.folder)
    print("| model | file | image features | text features | loading | loading / file |")
    print("|---|---|---|---|---|---|")
    worst = 0.0
    for name in arguments.names:
        folder = arguments.folder / name
        make = hugging_face_model if name in HUGGING_FACE else open_clip_model
        image, text = make(name, folder, paths)
        size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
        out = arguments.folder / "features.safetensors"
        features, _ = clipwright(arguments.binary, folder, paths, out)
        image_apart = apart(features["image_features"], image)
        text_apart = apart(features["text_features"], text)
        # One word is next to nothing to encode: what is left is loading.
        _, memory = clipwright(arguments.binary, folder, [], out, ["word"])
        worst = max(worst, image_apart, text_apart)
        print(
            f"| {name} | {size / 2**20:.0f} MiB | {image_apart:.1e} | {text_apart:.1e} "
            f"| {memory / 2**20:.0f} MiB | {memory / size:.2f} |",
            flush=True,
        )
    if not worst <= arguments.tolerance:
        sys.exit(f"apart by {worst:.1e}; tolerance {arguments.tolerance:.1e}")


if __name__ == "__main__":
    main()
