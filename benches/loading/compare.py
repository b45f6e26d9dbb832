"""Loading images for training, beside torchvision, on the CPU, in one run.

    python compare.py --clipwright target/release/clipwright [--rounds 5] [--threads 1 2] [CASE ...]

Both read the same photographs, which are made up: decode, crop (or resize and cut the
centre), flip, normalise, batches of 32. torchvision's `ImageFolder` and transforms run in
as many worker processes of a `DataLoader` as clipwright has threads. The two take turns;
medians of all rounds are printed, and every round's line goes to `results.jsonl` beside
this file. Needs torch and torchvision.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
SIDE, BATCH = 224, 32
# Format, width, height, how many.
CASES = {
    "jpeg-500": ("jpeg", 500, 375, 256),
    "jpeg-1600": ("jpeg", 1600, 1200, 64),
    "png-500": ("png", 500, 375, 128),
}
VIEWS = ("crop", "centre")


def photo(width, height, number):
    """Clouds of every size, the finer the fainter, with edges and a camera's noise."""
    random = np.random.default_rng(number)
    sum_of = np.zeros((height, width, 3), np.float32)
    grain = 256
    while grain >= 2:
        shape = (height // grain + 2, width // grain + 2, 3)
        layer = Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8))
        layer = layer.resize((width, height), Image.BICUBIC)
        sum_of += (np.asarray(layer, np.float32) - 128) * grain**0.6
        grain //= 2
    left, top = random.integers(0, width // 2), random.integers(0, height // 2)
    sum_of[top : top + height // 3, left : left + width // 3] += sum_of.std()
    scaled = 128 + 50 * (sum_of - sum_of.mean()) / sum_of.std()
    noisy = scaled + random.normal(0, 5, scaled.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def photographs(folder, case):
    kind, width, height, count = CASES[case]
    for number in range(count):
        own = folder / f"class{number % 4}"
        own.mkdir(parents=True, exist_ok=True)
        options = {"quality": 90} if kind == "jpeg" else {}
        photo(width, height, number).save(own / f"{number:04}.{kind}", **options)
    sizes = [path.stat().st_size for path in folder.rglob("*.*") if path.is_file()]
    return count, statistics.mean(sizes)


def torchvision_loader(folder, view, threads):
    import torch
    from torchvision import datasets, transforms

    bicubic = transforms.InterpolationMode.BICUBIC
    cut = {
        "crop": [transforms.RandomResizedCrop(SIDE, interpolation=bicubic), transforms.RandomHorizontalFlip()],
        "centre": [transforms.Resize(SIDE, interpolation=bicubic), transforms.CenterCrop(SIDE)],
    }[view]
    chain = transforms.Compose([*cut, transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    return torch.utils.data.DataLoader(
        datasets.ImageFolder(folder, chain),
        batch_size=BATCH,
        shuffle=True,
        num_workers=threads,
        persistent_workers=True,
    )


def theirs(loader):
    begun = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - begun


def ours(clipwright, folder, view, threads):
    command = [clipwright, "bench", "loading", "--data", folder, "--view", view, "--side", SIDE]
    command += ["--batch", BATCH, "--threads", threads, "--passes", 2, "--json"]
    told = subprocess.run([str(part) for part in command], capture_output=True, check=True).stdout
    # The first pass warms up, as the workers' first epoch does.
    return json.loads(told)["seconds"][-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="CASE")
    parser.add_argument("--clipwright", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"

    import PIL
    import torchvision

    versions = f"torchvision {torchvision.__version__}, Pillow {PIL.__version__}"
    rows = []
    with open(HERE / "results.jsonl", "a") as results, tempfile.TemporaryDirectory() as made:
        for case in args.cases:
            folder = Path(made) / case
            images, mean_bytes = photographs(folder, case)
            for view in VIEWS:
                for threads in args.threads:
                    loader = torchvision_loader(folder, view, threads)
                    theirs(loader)
                    seconds = {"torchvision": [], "clipwright": []}
                    for number in range(args.rounds):
                        seconds["torchvision"].append(theirs(loader))
                        seconds["clipwright"].append(ours(args.clipwright, folder, view, threads))
                        for side, values in seconds.items():
                            line = {"case": case, "view": view, "threads": threads, "side": side, "round": number}
                            line |= {"images": images, "seconds": values[-1], "machine": platform.machine()}
                            print(json.dumps(line), file=results, flush=True)
                    del loader
                    medians = [1000 * statistics.median(values) / images for values in seconds.values()]
                    rows.append((case, mean_bytes / 1000, view, threads, *medians))
                    print(*rows[-1], flush=True)
    print(f"{versions}; milliseconds an image")
    print(f"{'case':10} {'kB':>6} {'view':7} {'threads':>7} {'torchvision':>12} {'clipwright':>11} {'ratio':>6}")
    for case, size, view, threads, other, own in rows:
        print(f"{case:10} {size:6.0f} {view:7} {threads:7} {other:12.2f} {own:11.2f} {other / own:6.2f}")


if __name__ == "__main__":
    main()
