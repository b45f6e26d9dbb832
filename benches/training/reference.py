"""A training step as the reference repositories arrange it, in PyTorch.

All 77 slots of every prompt, all classes in one batch, images encoded in the step,
low-rank updates as a dense matrix, one image after another in CoCoOp, 64 views and
two text forwards for each image in test-time tuning. Frozen weights have no
gradient, as theirs have none.

    python reference.py METHOD --model FILE.safetensors [--classes N] [--steps N] ...

prints one line of JSON. Needs torch, torchvision and safetensors.
"""

import argparse
import io
import json
import resource
import statistics
import threading
import time

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from torchvision import transforms

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
SLOTS = 77


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """A pre-norm block around torch's own attention."""

    def __init__(self, width, heads, mask):
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )
        self.gelu, self.mask = QuickGELU(), mask

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=self.mask)[0]
        y = self.gelu(self.mlp["c_fc"](self.ln_2(x)))
        return x + self.mlp["c_proj"](y)


class Tower(nn.Module):
    def __init__(self, width, layers, mask=None):
        super().__init__()
        self.resblocks = nn.Sequential(*(Block(width, width // 64, mask) for _ in range(layers)))

    def forward(self, x):
        return self.resblocks(x.permute(1, 0, 2)).permute(1, 0, 2)


class Visual(nn.Module):
    def __init__(self, weights):
        super().__init__()
        width, _, patch, _ = weights["visual.conv1.weight"].shape
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty_like(weights["visual.positional_embedding"]))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Tower(width, count_layers(weights, "visual.transformer"))
        self.proj = nn.Parameter(torch.empty_like(weights["visual.proj"]))
        self.side = patch * round((len(self.positional_embedding) - 1) ** 0.5)

    def forward(self, x):
        x = self.conv1(x).flatten(2).permute(0, 2, 1)
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], dim=1)
        x = self.transformer(self.ln_pre(x + self.positional_embedding))
        return self.ln_post(x[:, 0]) @ self.proj


class Clip(nn.Module):
    def __init__(self, weights):
        super().__init__()
        width = weights["ln_final.weight"].shape[0]
        mask = torch.full((SLOTS, SLOTS), float("-inf")).triu_(1)
        self.visual = Visual(weights)
        self.transformer = Tower(width, count_layers(weights, "transformer"), mask)
        self.token_embedding = nn.Embedding(*weights["token_embedding.weight"].shape)
        self.positional_embedding = nn.Parameter(torch.empty(SLOTS, width))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty_like(weights["text_projection"]))
        self.logit_scale = nn.Parameter(torch.empty(()))
        self.load_state_dict({name: t.float() for name, t in weights.items() if name in self.state_dict()})
        self.requires_grad_(False)

    def encode_prompts(self, prompts, ends):
        x = self.ln_final(self.transformer(prompts + self.positional_embedding))
        return x[torch.arange(len(x)), ends] @ self.text_projection

    def logits(self, images, texts):
        images = images / images.norm(dim=-1, keepdim=True)
        texts = texts / texts.norm(dim=-1, keepdim=True)
        return self.logit_scale.exp() * images @ texts.t()


def count_layers(weights, prefix):
    names = {name.split(".")[len(prefix.split(".")) + 1] for name in weights if name.startswith(prefix + ".resblocks.")}
    return len(names)


class Prompts:
    """`context`, then "thing number N." as made-up ids: three to five tokens."""

    def __init__(self, clip, classes, n_ctx):
        lengths = 3 + torch.arange(classes) % 3
        self.ids = torch.zeros(classes, SLOTS, dtype=torch.long)
        self.ends = 1 + n_ctx + lengths
        vocabulary = clip.token_embedding.num_embeddings
        generator = torch.Generator().manual_seed(1)
        for row, end in zip(self.ids, self.ends):
            row[0] = vocabulary - 2
            row[1 : int(end)] = torch.randint(300, vocabulary - 2, (int(end) - 1,), generator=generator)
            row[end] = vocabulary - 1
        embedded = clip.token_embedding(self.ids)
        self.prefix, self.suffix = embedded[:, :1], embedded[:, 1 + n_ctx :]

    def around(self, context):
        """Contexts `[n_ctx, width]` or one for each class → prompts of 77 slots."""
        if context.dim() == 2:
            context = context.expand(len(self.ids), -1, -1)
        return torch.cat([self.prefix, context, self.suffix], dim=1)


class Loader:
    """Photographs decoded and cropped ahead of the steps by workers, as a DataLoader's."""

    def __init__(self, side, batch):
        pixels = np.random.default_rng(1).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        photo = Image.fromarray(pixels).resize((500, 375), Image.BICUBIC)
        file = io.BytesIO()
        photo.save(file, "JPEG", quality=90)
        self.file, self.batch = file.getvalue(), batch
        self.crop = transforms.Compose(
            [
                transforms.RandomResizedCrop(side, (0.08, 1), interpolation=transforms.InterpolationMode.BICUBIC),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def one(self):
        return self.crop(Image.open(io.BytesIO(self.file)).convert("RGB"))

    def next(self):
        return torch.stack([self.one() for _ in range(self.batch)])


class DenseLora(nn.Module):
    """Attention whose q, k and v each get a dense `B A` added to their weight."""

    def __init__(self, attention, rank):
        super().__init__()
        self.attention, width = attention, attention.embed_dim
        self.scale = rank**-0.5
        self.down = nn.ParameterList(nn.Parameter(torch.randn(rank, width) * width**-0.5) for _ in range(3))
        self.up = nn.ParameterList(nn.Parameter(torch.zeros(width, rank)) for _ in range(3))

    def forward(self, q, k, v, need_weights=False, attn_mask=None):
        a = self.attention
        weights = a.in_proj_weight.chunk(3)
        biases = a.in_proj_bias.chunk(3)
        length, count, width = q.shape
        heads = a.num_heads
        parts = []
        for weight, bias, down, up in zip(weights, biases, self.down, self.up):
            dense = weight + self.scale * (up @ down)
            part = F.linear(q, dense, bias)
            parts.append(part.view(length, count * heads, width // heads).transpose(0, 1))
        q, k, v = (part.view(count, heads, length, -1) for part in parts)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask)
        x = x.permute(2, 0, 1, 3).reshape(length, count, width)
        return F.linear(x, a.out_proj.weight, a.out_proj.bias), None


def course(method, clip, args):
    """A function that does one step on image tensors, and one for its text side alone."""
    width, joint = clip.text_projection.shape
    n = args.classes
    labels = torch.arange(args.batch) % n
    if method == "lora":
        prompts = Prompts(clip, n, 0)
        embedded = clip.token_embedding(prompts.ids)
        for tower in (clip.transformer, clip.visual.transformer):
            for block in tower.resblocks:
                block.attn = DenseLora(block.attn, 2)
        learned = [p for p in clip.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(learned, 2e-4, weight_decay=1e-2)

        def step(images):
            texts = clip.encode_prompts(embedded, prompts.ends)
            update(optimizer, F.cross_entropy(clip.logits(clip.visual(images), texts), labels))

        return step, None

    prompts = Prompts(clip, n, args.n_ctx)
    context = nn.Parameter(0.02 * torch.randn(args.n_ctx, width))
    if method == "coop":
        optimizer = torch.optim.SGD([context], 0.002, momentum=0.9, weight_decay=5e-4)

        def learn(features):
            texts = clip.encode_prompts(prompts.around(context), prompts.ends)
            update(optimizer, F.cross_entropy(clip.logits(features, texts), labels))

    elif method == "cocoop":
        net = nn.Sequential(nn.Linear(joint, joint // 16), nn.ReLU(), nn.Linear(joint // 16, width))
        optimizer = torch.optim.SGD([context, *net.parameters()], 0.002, momentum=0.9, weight_decay=5e-4)

        def learn(features):
            features = features / features.norm(dim=-1, keepdim=True)
            logits = []
            for feature, moved in zip(features, net(features)):
                texts = clip.encode_prompts(prompts.around(context + moved), prompts.ends)
                logits.append(clip.logits(feature[None], texts))
            update(optimizer, F.cross_entropy(torch.cat(logits), labels))

    else:
        # 64 views of one image; the most confident tenth is trusted.
        def learn(features):
            own = nn.Parameter(context.detach().clone())
            optimizer = torch.optim.AdamW([own], 5e-3)
            logits = clip.logits(features, clip.encode_prompts(prompts.around(own), prompts.ends))
            entropy = -(logits.softmax(1) * logits.log_softmax(1)).sum(1)
            trusted = logits[entropy.argsort()[: max(1, int(len(logits) * 0.1))]].log_softmax(1)
            mean = trusted.logsumexp(0) - np.log(len(trusted))
            update(optimizer, -(mean.exp() * mean).sum())
            with torch.no_grad():
                clip.logits(features[:1], clip.encode_prompts(prompts.around(own), prompts.ends))

    def step(images):
        with torch.no_grad():
            features = clip.visual(images)
        learn(features)

    return step, learn


def update(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=["coop", "cocoop", "lora", "tpt"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--classes", type=int, default=51)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--n-ctx", type=int, default=16)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    clip = Clip(load_file(args.model))
    step, text_side = course(args.method, clip, args)
    loader = Loader(clip.visual.side, args.batch)

    # The next batch is made while a step computes.
    made = [loader.next()]
    seconds, text_seconds = [], []
    for _ in range(1 + args.steps):
        begun = time.perf_counter()
        images = made.pop()
        worker = threading.Thread(target=lambda: made.append(loader.next()))
        worker.start()
        step(images)
        worker.join()
        seconds.append(time.perf_counter() - begun)
    if text_side is not None:
        with torch.no_grad():
            features = clip.visual(made.pop())
        for _ in range(args.steps):
            begun = time.perf_counter()
            text_side(features)
            text_seconds.append(time.perf_counter() - begun)
    print(
        json.dumps(
            {
                "method": args.method,
                "classes": args.classes,
                "batch": args.batch,
                # The first step warms up.
                "step_seconds": statistics.median(seconds[1:]),
                "text_seconds": statistics.median(text_seconds) if text_seconds else None,
                "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
