// Which builds of the worker there are beside those for every browser. `cargo xtask web
// --threads` replaces this file in the page it builds.

/** The files of the build with threads. */
export const THREADS = [];
