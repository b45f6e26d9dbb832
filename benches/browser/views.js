// Many views of one image, with several threads: see views.py.

import * as ort from "./onnxruntime/ort.wasm.min.mjs";

const CROP = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3], flip: 0.5, filter: "bilinear" };

async function fetched(name) {
  return fetch(`model/${name}`);
}

async function buffer(name) {
  return (await fetched(name)).arrayBuffer();
}

/** A worker started so that answers questions about views of the image. */
async function ours(model, query) {
  const worker = new Worker(`./worker_loader.js?${query}`, { type: "module" });
  let waiting;
  worker.onmessage = ({ data }) => {
    const event = JSON.parse(data.json);
    if (event === "ready" || event.done) waiting.resolve();
    if (event.failed) waiting.reject(new Error(event.failed.message));
  };
  const heard = () => new Promise((resolve, reject) => (waiting = { resolve, reject }));
  const ask = (task, request, content) => {
    const json = JSON.stringify({ do: { task, request } });
    worker.postMessage({ json, files: [{ name: "file.safetensors", content }] });
    return heard();
  };
  await heard();
  await ask(1, { load_model: { name: "model" } }, await (await fetched(model)).blob());
  const image = await buffer("image.png");
  let seed = 0;
  return (count) => {
    const prompts = { class_names: ["cat", "dog"], templates: ["a photo of a {}."] };
    const augmenter = { views: { count: count - 1, crop: CROP, augmix: null } };
    seed += 1; // views that were seen are kept
    if (count === 1) return ask(1 + seed, { features: { learned: null } }, image.slice(0));
    return ask(1 + seed, { views: { augmenter, seed, learned: null, prompts } }, image.slice(0));
  };
}

async function theirs(model, side) {
  const session = await ort.InferenceSession.create(new Uint8Array(await buffer(model)), { executionProviders: ["wasm"] });
  const one = new Float32Array(await buffer("pixels.bin"));
  const [input] = session.inputNames;
  return async (count) => {
    const values = new Float32Array(count * one.length);
    for (let at = 0; at < count; at++) values.set(one, at * one.length);
    await session.run({ [input]: new ort.Tensor("float32", values, [count, 3, side, side]) });
  };
}

window.views = async (side, threads, rounds, suffix) => {
  ort.env.wasm.numThreads = threads;
  const [own, other] = suffix === "int8" ? ["int8.safetensors", "q8-views.onnx"] : ["f32.safetensors", "f32-views.onnx"];
  const engines = {
    "clipwright, 1 worker": await ours(own, "build=worker_relaxed&helpers=0"),
    [`clipwright, ${threads} workers`]: await ours(own, `build=worker_relaxed&helpers=${threads - 1}`),
    [`clipwright, ${threads} threads`]: await ours(own, "build=worker_threads"),
    [`onnxruntime-web, ${ort.env.wasm.numThreads} threads`]: await theirs(other, side),
  };
  const results = {};
  for (const [name, run] of Object.entries(engines)) {
    results[name] = { 1: [], 16: [], 64: [] };
    await run(2);
    await run(16);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(engines)) {
      for (const count of [1, 1, 1, 16, 64]) {
        const begun = performance.now();
        await run(count);
        results[name][count].push((performance.now() - begun) / count);
      }
    }
  }
  return { isolated: window.crossOriginIsolated, results };
};
