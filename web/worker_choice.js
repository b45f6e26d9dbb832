// Which build of the worker this browser runs. They compute the same; one has instructions
// of relaxed SIMD, and a browser that does not know them refuses it whole; one, which not
// every page has, also has threads, for which a host must send headers.

/** A module of one function, `i32x4.relaxed_dot_i8x16_i7x16_add` of zeros. */
const RELAXED = new Uint8Array([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // magic, version
  1, 5, 1, 0x60, 0, 1, 0x7b, // a type: () -> v128
  3, 2, 1, 0, // a function of it
  10, 19, 1, 17, 0, // its body
  0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f, // i8x16.splat(0), three times
  0xfd, 0x93, 2, 0x0b,
]);

const { THREADS } = await import(`./builds.js${new URL(import.meta.url).search}`);

/** What is tried, one after another. */
export const workers = ["worker"];
if (WebAssembly.validate(RELAXED)) {
  workers.unshift("worker_relaxed");
  if (THREADS.length > 0 && crossOriginIsolated) workers.unshift("worker_threads");
}

/** The files of the first one. */
export const files =
  workers[0] === "worker_threads" ? THREADS : [`${workers[0]}.js`, `${workers[0]}_bg.wasm`];
