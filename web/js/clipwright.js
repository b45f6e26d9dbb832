// The engine under clipwright's page, for any page: a worker that holds a model and
// what was learned on it. Types and explanations are in clipwright.d.ts.

/** Beside this module's folder, as `cargo xtask web` leaves it. */
const WORKER = new URL("../worker_loader.js", import.meta.url);

const TEMPLATE = "a photo of a {}.";

/** Bytes of a model that wait for the worker at most. */
const AHEAD = 8 << 20;

/** Bytes of a model in memory that are copied at once. */
const PIECE = 4 << 20;

/** Helpers of a worker that can have a model in memory. */
const HELPERS = 15;

/** What the test-time tuning of the page starts with: crops of 8 to 100 %, some flipped. */
const TUNING = {
  views: 15,
  steps: 1,
  loss: "defaultTPT",
  learningRate: 5e-3,
  weightDecay: 1e-2,
  selected: 0.1,
  seed: 1,
};

export class ClipwrightError extends Error {
  constructor(message, hint) {
    super(message);
    this.name = "ClipwrightError";
    this.hint = hint ?? undefined;
  }
}

export async function load({ model, learned = {}, worker = WORKER, signal } = {}) {
  if (model === undefined) {
    throw new ClipwrightError("no model was given", "load({ model: \"model.safetensors\" })");
  }
  const engine = new Engine(worker);
  try {
    // The model is on its way while the worker starts.
    const [file] = await Promise.all([modelOf(model, signal), engine.ready(signal)]);
    const { model_loaded } = await engine.ask({ load_model: { name: "model" } }, [file], { signal });
    const infos = [];
    for (const [name, source] of Object.entries(learned)) {
      const file = await fileOf(source, "learned.safetensors", signal);
      const answer = await engine.ask({ load_learned: { name } }, [file], { signal });
      infos.push(answer.learned_loaded.info);
    }
    return new Classifier(engine, model_loaded.info, infos);
  } catch (error) {
    engine.end(error);
    throw error;
  }
}

class Classifier {
  #engine;

  constructor(engine, model, learned) {
    this.#engine = engine;
    this.model = Object.freeze(model);
    this.learned = Object.freeze(learned);
  }

  async classify(image, classes, { template = TEMPLATE, signal } = {}) {
    const request = { classify: { prompts: prompts(classes, template) } };
    const { classified } = await this.#ask(request, image, { signal });
    return classified.rankings;
  }

  async features(image, { learned = null, signal } = {}) {
    const answer = await this.#ask({ features: { learned } }, image, { signal });
    return Float32Array.from(answer.features.features);
  }

  async tune(image, classes, options = {}) {
    const { template = TEMPLATE, learned = null, onStep, signal, ...rest } = options;
    const how = { ...TUNING, ...rest };
    const tell = onStep && ((answer) => onStep(tuned(answer, classes)));
    const request = { tune: { learned, ...tuning(how), prompts: prompts(classes, template) } };
    return tuned(await this.#ask(request, image, { signal, tell }), classes);
  }

  terminate() {
    this.#engine.end(new ClipwrightError("the engine was ended", "load it again"));
  }

  async #ask(request, image, options) {
    const file = await fileOf(image, "image", options.signal);
    return this.#engine.ask(request, [file], options);
  }
}

/** The worker, one question at a time: it would end the one before for a second one. */
class Engine {
  #worker;
  #tasks = new Map();
  #last = Promise.resolve();
  #number = 0;
  #started = deferred();
  #ended;

  constructor(address) {
    this.#started.promise.catch(() => {}); // told where it is awaited
    this.#worker = new Worker(address, { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#hear(JSON.parse(data.json));
    this.#worker.onerror = (event) => {
      const reason = event.message || "its script could not be loaded";
      this.end(new ClipwrightError(`the worker stopped: ${reason}`, "load it again"));
    };
  }

  ready(signal) {
    return interrupted(this.#started.promise, signal);
  }

  ask(request, files, { signal, tell } = {}) {
    const asked = this.#last.then(() => this.#send(request, files, signal, tell));
    this.#last = asked.catch(() => {});
    return asked;
  }

  end(error) {
    this.#ended ??= error;
    this.#worker.terminate();
    this.#started.reject(this.#ended);
    for (const { reject } of this.#tasks.values()) reject(this.#ended);
    this.#tasks.clear();
  }

  async #send(request, files, signal, tell) {
    signal?.throwIfAborted();
    if (this.#ended) throw this.#ended;
    const task = ++this.#number;
    const { promise, resolve, reject } = deferred();
    this.#tasks.set(task, { resolve, reject, tell, signal });
    const cancel = () => this.#post({ cancel: { task } });
    signal?.addEventListener("abort", cancel, { once: true });
    this.#post({ do: { task, request } }, files);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  #post(message, files = []) {
    const json = JSON.stringify(message);
    const contents = files.flatMap(({ content, again }) => [content, again].flat());
    const isMoved = (content) => content instanceof ArrayBuffer || content instanceof MessagePort;
    this.#worker.postMessage({ json, files }, contents.filter(isMoved));
  }

  #hear(event) {
    if (event === "ready") return this.#started.resolve();
    const [[kind, told]] = Object.entries(event);
    const task = this.#tasks.get(told.task);
    if (!task) return;
    if (kind === "progress") {
      if (told.progress.so_far) task.tell?.(told.progress.so_far);
      return;
    }
    this.#tasks.delete(told.task);
    if (kind === "done") task.resolve(told.answer);
    else if (kind === "cancelled") task.reject(task.signal?.reason);
    else task.reject(new ClipwrightError(told.message, told.hint));
  }
}

function prompts(classes, template) {
  return { class_names: [...classes], templates: [template].flat() };
}

function tuning({ views, steps, loss, learningRate, weightDecay, selected, seed }) {
  const one = 1.001 / (views + 1); // the share that one view is, kept whatever is rounded
  const crop = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3], flip: 0.5, filter: "bilinear" };
  return {
    augmenter: { views: { count: views, crop, augmix: null } },
    seed,
    settings: {
      loss,
      layout: { patches: 0, n_aug: views },
      selection: { all: Math.max(selected, one), patch: 0.9, alpha: 1 },
      lr: learningRate,
      weight_decay: weightDecay,
      steps,
      classes_at_once: 256,
    },
  };
}

/** The worker's points as rankings before and after, and what the steps did. */
function tuned({ tuned: { points } }, classes) {
  const ranking = ({ probabilities }) =>
    probabilities
      .map((probability, at) => ({ class: classes[at], probability }))
      .sort((a, b) => b.probability - a.probability);
  return {
    before: ranking(points[0]),
    after: ranking(points.at(-1)),
    losses: points.map(({ loss }) => loss),
    moved: points.at(-1).moved,
  };
}

/** Bytes of an address, a file, a buffer, an image or a canvas, under a file's name. */
async function fileOf(source, name, signal) {
  return { name: source?.name ?? name, content: await bytesOf(source, signal) };
}

/** The same for a model, which is read where it is, or as it comes. */
async function modelOf(source, signal) {
  const name = source?.name ?? "model.safetensors";
  if (source instanceof Blob) return { name, content: source };
  if (isBytes(source)) {
    const [content, ...again] = Array.from({ length: 1 + HELPERS }, () => portOf(source));
    return { name, content, again };
  }
  if (!isAddress(source)) return fileOf(source, name, signal);
  const { body } = await answer(source, signal);
  const { port1, port2 } = new MessageChannel();
  hand(body.getReader(), port1);
  // Helpers read it once more.
  return { name, content: port2, again: String(new URL(source, location.href)) };
}

/** A port that bytes come out of, a piece at a time, once somebody reads there. */
function portOf(source) {
  const { port1, port2 } = new MessageChannel();
  let at = 0;
  const read = async () => {
    const value = bytesFrom(source, at, PIECE);
    at += PIECE;
    return { value, done: value.byteLength === 0 };
  };
  port1.onmessage = () => hand({ read }, port1);
  return port2;
}

/** A copy of so many bytes. */
function bytesFrom(source, first, count) {
  const { buffer, byteOffset, byteLength } = source.buffer ? source : new Uint8Array(source);
  const end = Math.min(first + count, byteLength);
  return new Uint8Array(buffer.slice(byteOffset + Math.min(first, end), byteOffset + end));
}

/** Hands on what a stream gives, never more than a little ahead of what was read. */
async function hand(reader, port) {
  let room = AHEAD;
  let more = () => {};
  port.onmessage = ({ data }) => {
    room += data;
    more();
  };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return port.postMessage(null);
      room -= value.byteLength;
      port.postMessage(value, [value.buffer]);
      while (room <= 0) await new Promise((resolve) => (more = resolve));
    }
  } catch (error) {
    port.postMessage(String(error?.message ?? error));
  }
}

async function bytesOf(source, signal) {
  if (source instanceof ArrayBuffer) return source.slice(0); // the worker takes what it gets
  if (ArrayBuffer.isView(source)) {
    const { buffer, byteOffset, byteLength } = source;
    return buffer.slice(byteOffset, byteOffset + byteLength);
  }
  if (source instanceof Blob) return source.arrayBuffer();
  if (source instanceof HTMLCanvasElement) {
    const blob = await new Promise((resolve) => source.toBlob(resolve, "image/png"));
    if (blob) return blob.arrayBuffer();
    throw new ClipwrightError("the canvas cannot be read", "was it drawn on from another host?");
  }
  const address = source instanceof HTMLImageElement ? source.currentSrc || source.src : source;
  if (!isAddress(address)) {
    const expected = "an address, a file, bytes, an image or a canvas";
    throw new ClipwrightError(`this is ${typeof address}; expected ${expected}`);
  }
  return (await answer(address, signal)).arrayBuffer();
}

function isBytes(source) {
  return source instanceof ArrayBuffer || ArrayBuffer.isView(source);
}

function isAddress(source) {
  return typeof source === "string" || source instanceof URL;
}

async function answer(address, signal) {
  const response = await fetch(address, { signal });
  if (response.ok) return response;
  throw new ClipwrightError(`${address}: the server answered ${response.status}`);
}

function deferred() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}

function interrupted(promise, signal) {
  if (!signal) return promise;
  signal.throwIfAborted();
  const stopped = new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([promise, stopped]);
}
