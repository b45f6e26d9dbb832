// Starts the worker from the files of the very build that asked for it: the
// version in this script's own address goes on to them.

const { search } = new URL(import.meta.url);
const { worker } = await import(`./worker_choice.js${search}`);
const { default: init } = await import(`./${worker}.js${search}`);
await init({ module_or_path: new URL(`./${worker}_bg.wasm${search}`, import.meta.url) });
