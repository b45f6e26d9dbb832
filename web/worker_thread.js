// One thread of the worker that has threads: starts the same module with the same memory,
// tells so, and works for it from then on.

const { search } = new URL(import.meta.url);

addEventListener(
  "message",
  async ({ data: { module, memory } }) => {
    const { default: init, run_thread } = await import(`./worker_threads.js${search}`);
    await init({ module_or_path: module, memory });
    postMessage("ready");
    run_thread();
  },
  { once: true },
);
