"""Makes this folder with timm's `Mixup(mode="batch")`: `python make.py` in it.

timm 1.0.31, torch 2.15.0, numpy 2.4.6, safetensors 0.8.0; CPU, f32.

`timm.json` lists what was drawn for each batch: the share from the Beta
distribution and, for CutMix, the centre `[x, y]` of its box; then the share left in
the end. The tensors are those of `timm.safetensors` under the key: `pixels` and
`labels` of the batch, `mixed` and `targets` (smoothing 0.1) from timm, and `loss`,
timm's `SoftTargetCrossEntropy` of `logits` with these targets.
"""

import json
from unittest import mock

import numpy as np
import timm.data.mixup
import torch
from safetensors.torch import save_file
from timm.data.mixup import Mixup
from timm.loss import SoftTargetCrossEntropy

SMOOTHING = 0.1


class Recorder:
    """numpy's random numbers, kept as they are drawn."""

    def __init__(self, seed, fixed_share):
        self.random = np.random.RandomState(seed)
        self.fixed_share = fixed_share
        self.shares, self.centres = [], []

    def rand(self, *size):
        return self.random.rand(*size)

    def beta(self, a, b):
        share = self.random.beta(a, b) if self.fixed_share is None else self.fixed_share
        self.shares.append(float(share))
        return share

    def randint(self, low, high, size=None):
        self.centres.append(int(self.random.randint(low, high, size=size)))
        return self.centres[-1]


def batch(key, seed, images, height, width, n_classes, fixed_share=None, **settings):
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randn(images, 3, height, width, generator=generator)
    labels = torch.randint(0, n_classes, (images,), generator=generator)
    logits = 3 * torch.randn(images, n_classes, generator=generator)
    mix = Mixup(mode="batch", label_smoothing=SMOOTHING, num_classes=n_classes, **settings)
    kept = []
    target = timm.data.mixup.mixup_target

    def seen(labels, classes, share, *rest):
        kept.append(float(share))
        return target(labels, classes, share, *rest)

    recorder = Recorder(seed, fixed_share)
    with mock.patch("numpy.random", recorder), mock.patch.object(timm.data.mixup, "mixup_target", seen):
        mixed, targets = mix(pixels.clone(), labels)
    facts = {"key": key, "n_classes": n_classes, "smoothing": SMOOTHING}
    if not recorder.shares or recorder.shares == [1.0]:
        facts["kind"] = "none"
    elif recorder.centres:
        y, x = recorder.centres
        facts |= {"kind": "cutmix", "share": recorder.shares[0], "centre": [x, y]}
    else:
        facts |= {"kind": "mixup", "share": recorder.shares[0]}
    facts["kept"] = kept[0]
    print(facts)
    loss = SoftTargetCrossEntropy()(logits, targets)
    tensors = {"pixels": pixels, "labels": labels, "mixed": mixed, "targets": targets, "logits": logits, "loss": loss}
    return facts, {f"{key}.{name}": tensor.contiguous() for name, tensor in tensors.items()}


BATCHES = [
    batch("untouched", 1, 4, 6, 8, 5, prob=0.0, mixup_alpha=0.8, cutmix_alpha=1.0),
    batch("mixup_even", 2, 4, 6, 8, 5, mixup_alpha=0.8),
    batch("mixup_little", 3, 6, 5, 5, 3, mixup_alpha=0.1),
    batch("cutmix_wide", 4, 4, 7, 12, 5, mixup_alpha=0.0, cutmix_alpha=1.0),
    batch("cutmix_tall", 5, 2, 13, 6, 4, mixup_alpha=0.0, cutmix_alpha=1.0),
    batch("cutmix_border", 6, 4, 9, 9, 7, fixed_share=0.3, mixup_alpha=0.0, cutmix_alpha=1.0),
    batch("cutmix_odd", 7, 4, 11, 11, 6, fixed_share=0.75, mixup_alpha=0.0, cutmix_alpha=1.0),
    batch("cutmix_all", 8, 2, 4, 6, 3, fixed_share=0.0, mixup_alpha=0.0, cutmix_alpha=1.0),
    batch("cutmix_no_pixel", 9, 2, 4, 6, 3, fixed_share=0.999, mixup_alpha=0.0, cutmix_alpha=1.0),
    batch("switch_a", 10, 4, 8, 8, 5, mixup_alpha=0.8, cutmix_alpha=1.0),
    batch("switch_b", 12, 4, 8, 8, 5, mixup_alpha=0.8, cutmix_alpha=1.0),
]
save_file({name: tensor for _, tensors in BATCHES for name, tensor in tensors.items()}, "timm.safetensors")
with open("timm.json", "w") as file:
    json.dump({"batches": [facts for facts, _ in BATCHES]}, file, indent=1)
    file.write("\n")
