"""How the cost of learning a context grows: with classes, context vectors and photographs.

    python measure.py --clipwright target/release/clipwright --model DIR

`DIR` is a model, a ViT-B/16 for the figures here (random weights do). Writes `cost.json`
and `cost.svg` beside this file. Needs matplotlib.
"""

import argparse
import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CLASSES = (10, 30, 100, 300, 1000)
VECTORS = (2, 4, 8, 16, 32)
SHOTS = (1, 2, 4, 8, 16)
# Photographs are encoded once for each epoch, so that more of either is the same to it.
SHOT_CLASSES = 5


def bench(args, **settings):
    options = [str(part) for key, value in settings.items() for part in (f"--{key.replace('_', '-')}", value)]
    command = [args.clipwright, "bench", "coop", "--model", args.model, "--json", *options]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(args.threads)}
    return json.loads(subprocess.run(command, capture_output=True, check=True, env=environment).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clipwright", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    one = {"images": 4, "batch": 4, "steps": 5}
    measured = {
        "classes": [(n, bench(args, classes=n, **one)) for n in CLASSES],
        "context vectors": [(n, bench(args, classes=51, n_ctx=n, **one)) for n in VECTORS],
        "shots": [
            (n, bench(args, classes=SHOT_CLASSES, images=n * SHOT_CLASSES, batch=SHOT_CLASSES, epochs=2))
            for n in SHOTS
        ],
    }
    figures = {
        what: [
            {
                "at": n,
                "step_seconds": told["step_seconds"],
                "seconds": told["seconds"],
                "peak_memory_bytes": told["peak_memory_bytes"],
            }
            for n, told in points
        ]
        for what, points in measured.items()
    }
    (HERE / "cost.json").write_text(json.dumps(figures, indent=1) + "\n")
    draw(figures)


def draw(figures):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "cost"
    from matplotlib import pyplot as plt

    panels = [
        ("classes", "step_seconds", 1, "seconds a step"),
        ("classes", "peak_memory_bytes", 1 << 30, "memory, GiB"),
        ("context vectors", "step_seconds", 1, "seconds a step"),
        ("shots", "seconds", 1, f"seconds for 2 epochs of {SHOT_CLASSES} classes"),
    ]
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.2), layout="constrained")
    for axis, (what, key, unit, title) in zip(axes, panels):
        points = figures[what]
        axis.plot([point["at"] for point in points], [point[key] / unit for point in points], "o-", color="#0072b2")
        axis.set(xlabel=what, title=title, xscale="log")
        axis.set_xticks([point["at"] for point in points], [str(point["at"]) for point in points])
        axis.minorticks_off()
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    figure.savefig(HERE / "cost.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
