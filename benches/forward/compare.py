"""The image encoder alone, beside PyTorch and onnxruntime, on the CPU, in one run.

    python compare.py --bench target/release/deps/forward-HASH --model DIR [--rounds 5]

`DIR` is a model in open_clip's form, `open_clip_model.safetensors` with its
`open_clip_config.json` (random weights do). The three take turns; medians of all rounds
are printed, and every round's line goes to `results.jsonl` beside this file. Needs torch,
open_clip_torch, onnx, onnxscript and onnxruntime.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from encoder import image_encoder

HERE = Path(__file__).parent
BATCHES = (1, 32)


def timed(work, repeats):
    work()
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(args.threads)

    import onnxruntime
    import torch

    torch.set_num_threads(args.threads)
    encoder = image_encoder(args.model)
    size = encoder.image_size
    side = size[0] if isinstance(size, (tuple, list)) else size
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.onnx"
        example = torch.zeros(2, 3, side, side)
        batch = {0: torch.export.Dim("batch", min=1, max=64)}
        torch.onnx.export(encoder, (example,), file, dynamo=True, dynamic_shapes=(batch,), verbose=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = args.threads
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        seconds = {}
        with open(HERE / "results.jsonl", "a") as results, torch.inference_mode():
            for number in range(args.rounds):
                for size in BATCHES:
                    repeats = 8 if size == 1 else 2
                    pixels = torch.zeros(size, 3, side, side)
                    feed = {name: pixels.numpy()}
                    command = [args.bench, "--bench", args.model, str(size), str(repeats)]
                    told = {
                        "pytorch": timed(lambda: encoder(pixels), repeats),
                        "onnxruntime": timed(lambda: session.run(None, feed), repeats),
                        "clipwright": json.loads(subprocess.run(command, capture_output=True, check=True).stdout),
                    }
                    for side_name, values in told.items():
                        seconds.setdefault((size, side_name), []).extend(values)
                        line = {"model": args.model.name, "batch": size, "side": side_name, "round": number, "seconds": values}
                        print(json.dumps(line), file=results, flush=True)
    print(f"{args.model.name}, {args.threads} threads, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}")
    print(f"{'batch':>5} {'pytorch':>10} {'onnxruntime':>12} {'clipwright':>11}   seconds an image")
    for size in BATCHES:
        medians = [statistics.median(seconds[size, side]) / size for side in ("pytorch", "onnxruntime", "clipwright")]
        print(f"{size:5} {medians[0]:10.4f} {medians[1]:12.4f} {medians[2]:11.4f}")


if __name__ == "__main__":
    sys.exit(main())
