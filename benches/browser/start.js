// From nothing to a ranking, with the engine as a module: see start.py.

import { load } from "./js/clipwright.js";

const CLASSES = ["cat", "dog", "horse", "bicycle", "car", "boat", "tree", "house", "cup", "chair"];

const engine = await load({ model: `${location.search.slice(1)}.safetensors` });
const image = await (await fetch("samples/yellow-plain-cross.png")).blob();
await engine.classify(image, CLASSES);
window.answered = performance.now();
