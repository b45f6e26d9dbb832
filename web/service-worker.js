// Keeps the page for times without a connection.
//
// Some addresses change with their content (a hash in the name, its leading zeros left
// out, or ?v=): such a file is taken from here first. Everything else comes from the
// network, unless that fails (no answer, or one that blames the host) or is silent for
// PATIENCE. A running page says which files it needs; they are kept only when all of
// them could be had, its index last. So a new page
// is seen at once, and an index from here finds the very files it was built with.

const scope = self.registration.scope;
/** Each folder of a host has a cache of its own: pages beside this one are left alone. */
const CACHE = `clipwright-page-1 ${scope}`;
/** Silence of the network, in milliseconds, after which what is kept is shown. */
const PATIENCE = 3000;
/** After a silence it is not waited for again for so long, unless it answers. */
const IMPATIENCE = 30_000;
const UNCHANGING = /-[0-9a-f]{8,16}(_bg)?\.\w+$|\?v=/;

const isOwn = (address) => address.startsWith(scope);
const isPage = (address) => [scope, `${scope}index.html`].includes(address.replace(/[?#].*/, ""));

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  event.waitUntil(removeOlderCaches().then(() => self.clients.claim()));
});

self.addEventListener("message", (event) => {
  const { keep, welcome } = event.data ?? {};
  if (!Array.isArray(keep) || !Array.isArray(welcome)) return;
  const answer = (message) => event.source?.postMessage(message);
  event.waitUntil(
    keepAll(keep, welcome).then(
      () => answer({ kept: true }),
      (error) => answer({ kept: false, reason: String(error) }),
    ),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { url } = request;
  // Ranges and what is not of this folder are the browser's business.
  if (request.method !== "GET" || request.headers.has("range") || !isOwn(url)) return;
  if (request.mode === "navigate") {
    if (isPage(url)) event.respondWith(networkFirst(request, scope));
  } else if (UNCHANGING.test(url)) {
    event.respondWith(keptFirst(request));
  } else {
    event.respondWith(networkFirst(request, url));
  }
});

/** Nothing either where the cache itself fails: then the network has to do. */
async function kept(address) {
  try {
    const cache = await caches.open(CACHE);
    return await cache.match(address, { ignoreVary: true });
  } catch {
    return undefined;
  }
}

async function keptFirst(request) {
  return (await kept(request.url)) ?? fetch(request);
}

let impatientUntil = 0;

async function networkFirst(request, address) {
  const own = await kept(address);
  if (!own) return fetch(request);
  let timer;
  const silence = new Promise((resolve) => {
    const giveUp = () => {
      impatientUntil = Date.now() + IMPATIENCE;
      resolve(own);
    };
    timer = setTimeout(giveUp, Date.now() < impatientUntil ? 0 : PATIENCE);
  });
  const fetched = fetch(request).then(
    (response) => {
      impatientUntil = 0;
      return response.status < 500 ? response : own;
    },
    () => own,
  );
  const answer = await Promise.race([fetched, silence]);
  clearTimeout(timer);
  return answer;
}

/** Keeps the page and all of its files, or leaves everything as it was; and what is
 * welcome, as far as it is there. */
async function keepAll(files, welcome) {
  const index = await fetchWhole(scope);
  const text = await index.clone().text();
  const named = [...text.matchAll(/"([^"\s]+-[0-9a-f]{8,16}[^"\s]*)"/g)];
  const wanted = new Set(files.map(absolute).filter((file) => isOwn(file) && !isPage(file)));
  for (const file of named.map(([, name]) => absolute(name))) {
    if (/\.(js|wasm)$/.test(file) && !wanted.has(file)) {
      throw new Error("the page was replaced since it was opened");
    }
    wanted.add(file);
  }
  const fetched = await Promise.all(
    [...wanted].map(async (file) => {
      const isThere = UNCHANGING.test(file) && (await kept(file));
      return isThere ? undefined : [file, await fetchWhole(file)];
    }),
  );
  const cache = await caches.open(CACHE);
  const news = fetched.filter((entry) => entry !== undefined);
  await Promise.all(news.map(([file, response]) => cache.put(file, response)));
  await cache.put(scope, index);
  await removeOlderFiles(cache, wanted);
  const more = welcome.map(absolute).filter(isOwn);
  await Promise.all(more.map((file) => keepOne(cache, file).catch(() => {})));
}

async function keepOne(cache, file) {
  if (!(await cache.match(file))) await cache.put(file, await fetchWhole(file));
}

function absolute(name) {
  return new URL(name, scope).href.replace(/#.*/, "");
}

async function fetchWhole(address) {
  // Asks the server whether the browser's own copy is still good.
  const response = await fetch(address, { cache: "no-cache" });
  if (response.status !== 200 || response.redirected) {
    throw new Error(`${address}: status ${response.status}`);
  }
  return response;
}

/** Files of older builds, unless another open page may still be one of those. */
async function removeOlderFiles(cache, wanted) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (windows.filter(({ url }) => isOwn(url)).length > 1) return;
  const older = (await cache.keys()).filter(({ url }) => UNCHANGING.test(url) && !wanted.has(url));
  await Promise.all(older.map((request) => cache.delete(request)));
}

/** Those of this folder: all pages of a host share one list. */
async function removeOlderCaches() {
  const names = await caches.keys();
  const isOlder = (name) => /^clipwright-page-\d+ /.test(name) && name.endsWith(` ${scope}`);
  const older = names.filter((name) => isOlder(name) && name !== CACHE);
  await Promise.all(older.map((name) => caches.delete(name)));
}
