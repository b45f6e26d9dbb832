// Starts the worker from the files of the very build that asked for it: the
// version in this script's own address goes on to them. `build=worker` in it says which
// build is started, whatever this browser knows.

const { search, searchParams } = new URL(import.meta.url);
const { workers } = await import(`./worker_choice.js${search}`);
const asked = searchParams.get("build");

async function start([build, ...others]) {
  const { default: init } = await import(`./${build}.js${search}`);
  try {
    await init({ module_or_path: new URL(`./${build}_bg.wasm${search}`, import.meta.url) });
  } catch (error) {
    // A device may have no room for memory that is shared.
    if (build !== "worker_threads" || others.length === 0) throw error;
    await start(others);
  }
}

await start(asked ? workers.slice(Math.max(0, workers.indexOf(asked))) : workers);
