"""The image encoder in a page, beside onnxruntime-web, in one Chromium run.

    (cd web && trunk build --release)
    python compare.py --dist web/dist --clipwright target/debug/clipwright --model DIR... [--rounds 9]

Each `DIR` is a model in open_clip's form, `open_clip_model.safetensors` with its
`open_clip_config.json` (random weights do). Both engines get one thread and the same
weights; they take turns, after a warm-up each. `--plain` takes the build of our worker that
does without relaxed SIMD, which this Chromium has. Ours is timed from the image's bytes to
the features, through its worker; onnxruntime-web from ready pixels, without a worker.
Medians are printed with the cosine of each one's feature to onnxruntime's own in f32, and
every time goes to `results.jsonl` beside this file.

Needs torch, open_clip_torch, onnx, onnxscript, onnxruntime and Pillow, npm, chromedriver
and Chromium.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from page import chromium, server

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "forward"))
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def export(model, folder, clipwright):
    """Everything that the page fetches: weights of both, in f32 and int8, and an image."""
    import numpy
    import onnxruntime
    import torch
    from encoder import image_encoder
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from PIL import Image

    encoder = image_encoder(model)
    size = encoder.image_size
    side = size[0] if isinstance(size, (tuple, list)) else size
    plain, quantised = folder / "f32.onnx", folder / "q8.onnx"
    torch.onnx.export(encoder, (torch.zeros(1, 3, side, side),), plain, dynamo=True, external_data=False, verbose=False)
    quantize_dynamic(plain, quantised, weight_type=QuantType.QUInt8)
    for dtype in ("f32", "int8"):
        subprocess.run([clipwright, "convert", model, "--naming", "openai", "--dtype", dtype,
                        "--out", folder / f"{dtype}.safetensors"],
                       check=True, stdout=subprocess.DEVNULL)
    # Smooth, as photos are.
    random = numpy.random.default_rng(1)
    coarse = Image.fromarray(random.integers(0, 256, (14, 14, 3), dtype=numpy.uint8))
    image = coarse.resize((side, side), Image.BICUBIC)
    image.save(folder / "image.png")
    pixels = (numpy.asarray(image, dtype=numpy.float32) / 255 - MEAN) / DEVIATION
    pixels = numpy.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=numpy.float32)
    pixels.tofile(folder / "pixels.bin")
    session = onnxruntime.InferenceSession(str(plain), providers=["CPUExecutionProvider"])
    [features] = session.run(None, {session.get_inputs()[0].name: pixels})
    return {"side": side, "features": features[0].tolist()}


def exported(root, model, clipwright):
    """The folder of what is exported of a model, made unless it is there, and what is known of it."""
    folder = root / model.name
    told = folder / "told.json"
    if not told.exists():
        folder.mkdir(parents=True, exist_ok=True)
        told.write_text(json.dumps(export(model, folder, clipwright.resolve())))
    return folder, json.loads(told.read_text())


def onnxruntime_web(root):
    """The folder of its scripts, fetched unless they are there, and its version."""
    peer = root / "node_modules/onnxruntime-web"
    if not peer.exists():
        subprocess.run(["npm", "install", "--prefix", root, "--ignore-scripts", "onnxruntime-web"],
                       check=True, stdout=subprocess.DEVNULL)
    return peer / "dist", json.loads((peer / "package.json").read_text())["version"]


def arguments(doc, rounds):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dist", type=Path, required=True)
    parser.add_argument("--clipwright", type=Path, required=True)
    parser.add_argument("--model", type=Path, nargs="+", required=True)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--keep", type=Path, help="a folder for what is exported, to be found there again")
    return parser


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5


def main():
    parser = arguments(__doc__, rounds=9)
    parser.add_argument("--plain", action="store_true", help="the build of the worker for browsers without relaxed SIMD")
    args = parser.parse_args()
    build = "worker" if args.plain else "best"
    with tempfile.TemporaryDirectory() as temporary:
        root = args.keep or Path(temporary)
        page = root / "page"
        if page.exists():
            shutil.rmtree(page)
        shutil.copytree(args.dist, page)
        shutil.copy(HERE / "compare.html", page)
        shutil.copy(HERE / "compare.js", page)
        scripts, version = onnxruntime_web(root)
        shutil.copytree(scripts, page / "onnxruntime")
        for model in args.model:
            folder, known = exported(root, model, args.clipwright)
            (page / "model").mkdir(exist_ok=True)
            for file in folder.iterdir():
                target = page / "model" / file.name
                target.unlink(missing_ok=True)
                os.link(file.resolve(), target)
            with server(page) as address, chromium() as (browser, call):
                call("/timeouts", {"script": 1_200_000, "pageLoad": 60_000})
                call("/url", {"url": f"{address}/compare.html"})
                script = ("const [side, rounds, build, done] = arguments; window.compare(side, rounds, build)"
                          ".then(done, (error) => done({ error: String(error?.stack ?? error) }))")
                result = call("/execute/async", {"script": script, "args": [known["side"], args.rounds, build]})
            if "error" in result:
                sys.exit(result["error"])
            about = {"model": model.name, "chromium": browser["browserVersion"], "onnxruntime-web": version,
                     "cores": os.cpu_count(), "build": build}
            print(f"{model.name}: Chromium {about['chromium']}, onnxruntime-web {version}, {about['cores']} cores, 1 thread each, build: {build}")
            medians = {}
            with open(HERE / "results.jsonl", "a") as results:
                for name, engine in result.items():
                    medians[name] = statistics.median(engine["ms"])
                    near = cosine(engine["features"], known["features"])
                    print(f"  {name:22} {medians[name]:8.0f} ms   cosine {near:.5f}")
                    record = {**about, "engine": name, "ms": [round(ms, 1) for ms in engine["ms"]], "cosine": round(near, 6)}
                    results.write(json.dumps(record) + "\n")
            for dtype in ("f32", "int8"):
                print(f"  {dtype}: {medians['clipwright ' + dtype] / medians['onnxruntime-web ' + dtype]:.2f} of onnxruntime-web's time")


if __name__ == "__main__":
    main()
