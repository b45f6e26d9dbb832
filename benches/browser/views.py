"""One image, and 16 and 64 views of it, in a page, with all processors, beside onnxruntime-web.

    cargo xtask web --threads
    python views.py --dist web/dist --clipwright target/debug/clipwright --model DIR... [--rounds 3] [--dtype int8]

As `compare.py` (which it exports with, and needs the same of), but each engine gets as many
threads as there are processors: clipwright a worker and its helpers, which need no headers,
or a worker with threads, onnxruntime-web threads, for both of which the page is served with
the headers that they ask for, and all views in one batch. Ours makes the views too. Medians of the milliseconds a view are printed,
and every time goes to `views.jsonl` beside this file.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from compare import arguments, exported, onnxruntime_web
from page import chromium, server

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "forward"))
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


def export_for_batches(model, folder, side):
    """The encoder for any number of images."""
    import torch
    from encoder import image_encoder
    from onnxruntime.quantization import QuantType, quantize_dynamic

    plain = folder / "f32-views.onnx"
    shapes = ({0: torch.export.Dim("views", min=1, max=64)},)
    torch.onnx.export(image_encoder(model), (torch.zeros(2, 3, side, side),), plain, dynamo=True, external_data=False,
                      verbose=False, dynamic_shapes=shapes)
    quantize_dynamic(plain, folder / "q8-views.onnx", weight_type=QuantType.QUInt8)


def main():
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--dtype", choices=("f32", "int8"), default="f32")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = args.keep or Path(temporary)
        scripts, version = onnxruntime_web(root)
        for model in args.model:
            folder, known = exported(root, model, args.clipwright)
            if not (folder / "q8-views.onnx").exists():
                export_for_batches(model, folder, known["side"])
            page = Path(temporary) / f"page-{model.name}"
            shutil.copytree(args.dist, page)
            shutil.copytree(scripts, page / "onnxruntime")
            for file in ("views.html", "views.js"):
                shutil.copy(HERE / file, page)
            (page / "model").mkdir(exist_ok=True)
            for file in folder.iterdir():
                shutil.copy(file, page / "model" / file.name)
            with server(page, ISOLATED) as address, chromium() as (browser, call):
                call("/timeouts", {"script": 1_200_000, "pageLoad": 60_000})
                call("/url", {"url": f"{address}/views.html"})
                script = ("const [side, threads, rounds, dtype, done] = arguments; window.views(side, threads, rounds, dtype)"
                          ".then(done, (error) => done({ error: String(error?.stack ?? error) }))")
                told = call("/execute/async", {"script": script, "args": [known["side"], args.threads, args.rounds, args.dtype]})
            if "error" in told:
                sys.exit(told["error"])
            about = {"model": model.name, "dtype": args.dtype, "chromium": browser["browserVersion"],
                     "onnxruntime-web": version, "cores": os.cpu_count(), "isolated": told["isolated"]}
            print(f"{model.name}, {args.dtype}: Chromium {about['chromium']}, onnxruntime-web {version}, {about['cores']} cores")
            with open(HERE / "views.jsonl", "a") as results:
                for name, counts in told["results"].items():
                    middle = {count: statistics.median(ms) for count, ms in counts.items()}
                    each = ", ".join(f"{count} views {ms:.0f} ms each ({1000 / ms:.1f} a second)" for count, ms in middle.items())
                    print(f"  {name:28} {each}")
                    results.write(json.dumps({**about, "engine": name, "ms_a_view": counts}) + "\n")


if __name__ == "__main__":
    main()
