// Starts the worker from the files of the very build that asked for it: the
// version in this script's own address goes on to them.

const { search } = new URL(import.meta.url);
const { default: init } = await import(`./worker.js${search}`);
await init({ module_or_path: new URL(`./worker_bg.wasm${search}`, import.meta.url) });
