// Both engines in one page, taking turns: see compare.py.

import { load } from "./js/clipwright.js";
import * as ort from "./onnxruntime/ort.wasm.min.mjs";

ort.env.wasm.numThreads = 1;

async function bytes(name) {
  return new Uint8Array(await (await fetch(`model/${name}`)).arrayBuffer());
}

async function ours(dtype, build) {
  const worker = `./worker_loader.js?build=${build}`;
  const engine = await load({ model: `model/${dtype}.safetensors`, worker });
  const image = new Blob([await bytes("image.png")]);
  return async () => Array.from(await engine.features(image));
}

async function theirs(file, side) {
  const session = await ort.InferenceSession.create(await bytes(file), { executionProviders: ["wasm"] });
  const values = new Float32Array((await bytes("pixels.bin")).buffer);
  const [input] = session.inputNames;
  return async () => {
    const pixels = new ort.Tensor("float32", values, [1, 3, side, side]);
    const { [session.outputNames[0]]: features } = await session.run({ [input]: pixels });
    return Array.from(features.data);
  };
}

window.compare = async (side, rounds, build) => {
  const engines = {
    "clipwright f32": await ours("f32", build),
    "onnxruntime-web f32": await theirs("f32.onnx", side),
    "clipwright int8": await ours("int8", build),
    "onnxruntime-web int8": await theirs("q8.onnx", side),
  };
  const results = {};
  for (const [name, run] of Object.entries(engines)) {
    results[name] = { features: await run(), ms: [] };
    await run();
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(engines)) {
      const begun = performance.now();
      await run();
      results[name].ms.push(performance.now() - begun);
    }
  }
  return results;
};
