"""Writes draws.json: what CPython draws from the split files beside this script.

Dassl's few-shot data set: `random.seed(seed)`, then k images of each class in the
order in which the classes first appear, for training, and then min(k, 4) for
validation; afterwards the classes are cut to the base or the new half.
"""

import hashlib
import json
import math
import random
from pathlib import Path

here = Path(__file__).parent
SETS = {
    "oxford_flowers": "split_zhou_OxfordFlowers.json",
    "oxford_pets": "split_zhou_OxfordPets.json",
    "dtd": "split_zhou_DescribableTextures.json",
}


def draw(rows, shots):
    classes = {}
    for row in rows:
        classes.setdefault(row[1], []).append(row)
    drawn = []
    for members in classes.values():
        drawn += random.sample(members, shots) if len(members) >= shots else members
    return drawn


def half(rows, labels, subset):
    middle = math.ceil(len(labels) / 2)
    chosen = {"all": labels, "base": labels[:middle], "new": labels[middle:]}[subset]
    return [(path, chosen.index(label)) for path, label, _ in rows if label in chosen]


def summary(rows):
    lines = "".join(f"{path}\t{label}\n" for path, label in rows)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return {"images": len(rows), "first": rows[:3], "sha256": digest}


cases = []
for name, file in SETS.items():
    split = json.loads((here / file).read_text())
    for seed in (1, 2, 3):
        for shots in (1, 2, 16):
            for subset in ("all", "base", "new"):
                random.seed(seed)
                train = draw(split["train"], shots)
                val = draw(split["val"], min(shots, 4))
                labels = sorted({label for _, label, _ in train})
                cases.append(
                    {
                        "dataset": name,
                        "seed": seed,
                        "shots": shots,
                        "subset": subset,
                        "train": summary(half(train, labels, subset)),
                        "val": summary(half(val, labels, subset)),
                    }
                )
lines = ",\n".join(json.dumps(case) for case in cases)
(here / "draws.json").write_text(f"[\n{lines}\n]\n")
