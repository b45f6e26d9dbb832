// Starts the page: loads the wasm module that the script tag names, or says why
// that cannot be. A file of its own, so that no inline script is needed.

const { js, wasm } = document.querySelector("script[data-wasm]").dataset;
const from = (file) => new URL(file, document.baseURI).href;

try {
  const { default: init } = await import(from(js));
  await init({ module_or_path: from(wasm) });
} catch (error) {
  const boot = document.getElementById("boot");
  if (boot) {
    boot.textContent =
      `The page could not start: ${error.message ?? error}. ` +
      "Try a current browser; WebAssembly with SIMD is needed.";
    boot.setAttribute("role", "alert");
    boot.dataset.testid = "error";
  }
  throw error;
}
