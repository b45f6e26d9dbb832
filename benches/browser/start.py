"""From an address to the first answer, in Chromium, with an empty cache and a filled one.

    python start.py --dist web/dist --clipwright target/debug/clipwright --model DIR [--rounds 5]

The page with its embedded model: until its first sample is classified. Then a page of one's
own with the engine as a module and the model in `DIR` (any form that `clipwright convert`
reads), in f32 and in eight bits: until one image is ranked among ten classes; also the most
memory that the browser's process of that page held, with and without what it shares with
the browser's others (the browser's own program). Medians are printed, and every round's line
goes to `start.jsonl` beside this file. Needs chromedriver and Chromium.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from page import chromium, server

HERE = Path(__file__).resolve().parent
FIRST_ANSWER = """const done = arguments[0];
(function look() {
  if (document.querySelector("[data-testid=results][data-result-id]")) done(performance.now());
  else setTimeout(look, 5);
})();"""
MODULE_ANSWER = """const done = arguments[0];
(function look() {
  if (window.answered !== undefined) done(window.answered);
  else setTimeout(look, 5);
})();"""


def most_memory():
    """GiB of the renderer that held the most, and those of its own."""
    most = own = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = status.with_name("cmdline").read_bytes()
            text = status.read_text()
        except OSError:
            continue
        if b"--type=renderer" in command:
            kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()
                   if line.startswith(("VmHWM", "RssFile", "RssShmem"))}
            if kib.get("VmHWM", 0) > most:
                most = kib["VmHWM"]
                own = most - kib["RssFile"] - kib["RssShmem"]
    return most / 2**20, own / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dist", type=Path, required=True)
    parser.add_argument("--clipwright", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        page = Path(temporary) / "page"
        shutil.copytree(args.dist, page)
        shutil.copy(HERE / "start.html", page)
        shutil.copy(HERE / "start.js", page)
        cases = [("the page, embedded model", "index.html", FIRST_ANSWER, 0)]
        for dtype in ("f32", "int8"):
            file = page / f"{dtype}.safetensors"
            subprocess.run([args.clipwright, "convert", args.model, "--naming", "openai", "--dtype", dtype, "--out", file],
                           check=True, stdout=subprocess.DEVNULL)
            size = file.stat().st_size
            cases.append((f"the module, {args.model.name} in {dtype}", f"start.html?{dtype}", MODULE_ANSWER, size))
        with server(page) as address, open(HERE / "start.jsonl", "a") as results:
            for name, path, script, size in cases:
                rounds = []
                for _ in range(args.rounds):
                    with chromium() as (browser, call):
                        call("/timeouts", {"script": 300_000, "pageLoad": 60_000})
                        record = {"what": name, "chromium": browser["browserVersion"], "cores": os.cpu_count()}
                        for cache in ("cold", "warm"):
                            call("/url", {"url": f"{address}/{path}"})
                            record[cache] = round(call("/execute/async", {"script": script, "args": []}))
                            if cache == "cold" and size:
                                most, own = most_memory()
                                record["memory_GiB"] = round(most, 3)
                                record["own_memory_GiB"] = round(own, 3)
                                record["file_GiB"] = round(size / 2**30, 3)
                            call("/url", {"url": "about:blank"})
                    rounds.append(record)
                    results.write(json.dumps(record) + "\n")
                middle = {key: statistics.median(record[key] for record in rounds)
                          for key in ("cold", "warm", "memory_GiB", "own_memory_GiB") if key in rounds[0]}
                memory = (f", {middle['memory_GiB']:.2f} GiB, {middle['own_memory_GiB']:.2f} of its own, "
                          f"for a file of {size / 2**30:.2f}") if size else ""
                print(f"{name}: {middle['cold'] / 1000:.2f} s cold, {middle['warm'] / 1000:.2f} s warm{memory}")


if __name__ == "__main__":
    main()
