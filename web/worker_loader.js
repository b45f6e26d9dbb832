// Starts the worker from the files of the very build that asked for it: the
// version in this script's own address goes on to them. With `build=worker` in it, the
// build for every browser is started, whatever this one knows.

const { search, searchParams } = new URL(import.meta.url);
const { worker } = await import(`./worker_choice.js${search}`);
const build = searchParams.get("build") === "worker" ? "worker" : worker;
const { default: init } = await import(`./${build}.js${search}`);
await init({ module_or_path: new URL(`./${build}_bg.wasm${search}`, import.meta.url) });
