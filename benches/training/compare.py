"""Training with clipwright beside the reference manner, on the CPU, in one run.

    python compare.py --clipwright target/release/clipwright --model DIR [--rounds 3] [CASE ...]

`DIR` is a ViT-B/16 in open_clip's form (random weights do). Each round runs both sides
of every case, one after the other. Medians and ratios are printed; every run's line
goes to `results.jsonl` beside this file. Needs what `reference.py` needs.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
WEIGHTS = "open_clip_model.safetensors"

# Steps are few: they are alike. clipwright encodes ahead, so its whole run is told a step.
CASES = {
    "coop-51": ("coop", {"classes": 51, "batch": 32, "steps": 2}),
    "coop-51-cached": ("coop", {"classes": 51, "batch": 32, "steps": 2}),
    "coop-300": ("coop", {"classes": 300, "batch": 32, "steps": 1}),
    "cocoop-51": ("cocoop", {"classes": 51, "batch": 1, "steps": 5}),
    "lora-51": ("lora", {"classes": 51, "batch": 32, "steps": 2}),
    "tpt-200": ("tpt", {"classes": 200, "batch": 64, "steps": 1}),
}
# Two photographs' batches, one cached view each, seen in so many epochs.
CACHED_EPOCHS = 50


def reference(_, method, case, args):
    options = [str(part) for key, value in case.items() for part in (f"--{key}", value)]
    if method in ("cocoop", "tpt"):
        options += ["--n-ctx", "4"]
    command = [sys.executable, HERE / "reference.py", method, "--model", args.model / WEIGHTS, *options]
    told = json.loads(run([*command, "--threads", str(args.threads)], args)[0])
    return {
        "whole": told["step_seconds"],
        "text": told["text_seconds"],
        "memory": told["peak_memory_bytes"],
    }


def ours(name, method, case, args):
    if method == "tpt":
        return tuned(case, args)
    images = case["batch"] * case["steps"]
    command = [args.clipwright, "bench", method, "--model", args.model, "--json"]
    command += ["--classes", case["classes"], "--images", images, "--batch", case["batch"]]
    if name.endswith("-cached"):
        command += ["--cache-views", 1, "--epochs", CACHED_EPOCHS]
    else:
        # One more than is counted where steps are timed one by one: the first one warms up.
        command += ["--steps", case["steps"] + (method == "lora")]
    told = json.loads(run(command, args)[0])
    return {
        # LoRA has its images in the step; the others encode ahead of the steps.
        "whole": told["step_seconds"] if method == "lora" else told["seconds"] / told["steps"],
        "text": None if method == "lora" else told["step_seconds"],
        "memory": told["peak_memory_bytes"],
    }


def tuned(case, args):
    """Seconds an image: what three more images take than one."""
    from PIL import Image
    import numpy as np

    names = ",".join(f"thing number {n}" for n in range(case["classes"]))
    with tempfile.TemporaryDirectory() as folder:
        photos = []
        for n in range(4):
            pixels = np.random.default_rng(n).integers(0, 256, (24, 32, 3), dtype=np.uint8)
            photos.append(Path(folder) / f"{n}.jpg")
            Image.fromarray(pixels).resize((500, 375), Image.BICUBIC).save(photos[-1])
        seconds, memory = [], 0
        for count in (1, 4):
            out = Path(folder) / f"run-{count}"
            command = [args.clipwright, "tune", "--model", args.model, "--preset", "tpt", "--n-ctx", "4"]
            command += ["--views", case["batch"], "--classes", names, "--out", out, "--json"]
            begun = time.perf_counter()
            _, memory = run([*command, *photos[:count]], args)
            seconds.append(time.perf_counter() - begun)
    return {"whole": (seconds[1] - seconds[0]) / 3, "text": None, "memory": memory}


def run(command, args):
    """What a program prints, and the most memory that it held, in bytes."""
    environment = {**os.environ, "RAYON_NUM_THREADS": str(args.threads), "OMP_NUM_THREADS": str(args.threads)}
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True, env=environment)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed: {status}")
    return printed, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="CASE")
    parser.add_argument("--clipwright", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    figures = {}
    with open(HERE / "results.jsonl", "a") as results:
        for number in range(args.rounds):
            for name in args.cases:
                method, case = CASES[name]
                for side in (reference, ours):
                    told = side(name, method, case, args)
                    figures.setdefault((name, side.__name__), []).append(told)
                    line = {"case": name, "side": side.__name__, "round": number, **told, "machine": platform.machine()}
                    print(json.dumps(line), file=results, flush=True)
                    print(json.dumps(line), file=sys.stderr, flush=True)
    print(f"{'case':14} {'what':8} {'reference':>10} {'clipwright':>10} {'ratio':>7}")
    for name in args.cases:
        for what, unit, scale in (("whole", "s", 1), ("text", "s", 1), ("memory", "GiB", 1 << 30)):
            sides = [[told[what] for told in figures[name, side]] for side in ("reference", "ours")]
            if any(value is None for side in sides for value in side):
                continue
            theirs, own = (statistics.median(side) / scale for side in sides)
            print(f"{name:14} {what:8} {theirs:8.2f} {unit:>3} {own:6.2f} {unit:>3} {theirs / own:6.1f}x")


if __name__ == "__main__":
    main()
