// Has the page kept for times without a connection, once it runs and has told which
// build it is: the files that came before the service worker did, those that the
// page's worker fetched by itself, and some that nobody has asked for yet.

import { files } from "./worker_choice.js";

const WORKER_FILES = ["worker_loader.js", "worker_choice.js", "builds.js", ...files];

addEventListener("clipwright-settled", ({ detail }) => void keep(JSON.parse(detail)), { once: true });

async function keep({ version, welcome, lesson }) {
  // A page opened from a file, or in some private windows, has none.
  if (!navigator.serviceWorker || !navigator.onLine) return;
  try {
    await navigator.serviceWorker.register("service-worker.js");
  } catch (error) {
    console.info(`This page will not open offline: ${error.message ?? error}`);
    return;
  }
  const { active } = await navigator.serviceWorker.ready;
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (data?.kept) document.documentElement.dataset.offline = "ready";
    else if (data?.reason) console.info(`This page was not kept for offline use: ${data.reason}`);
  });
  navigator.serviceWorker.startMessages();
  const isHere = ({ responseStatus }) => !(responseStatus >= 400);
  const loaded = performance.getEntriesByType("resource").filter(isHere).map(({ name }) => name);
  const linked = [...document.querySelectorAll("link[href]:not([rel$=preload])")].map(({ href }) => href);
  const pictures = [...document.images].map(({ src }) => src);
  const ofWorker = WORKER_FILES.map((file) => new URL(`${file}?v=${version}`, document.baseURI).href);
  const isFile = (address) => address.startsWith("http");
  active.postMessage({
    keep: [...loaded, ...linked, ...pictures, ...ofWorker].filter(isFile),
    welcome: [...welcome, ...(await filesOf(lesson))],
  });
}

/** The lesson's list and its photos. */
async function filesOf(lesson) {
  if (!lesson) return [];
  try {
    const { classes } = await (await fetch(lesson)).json();
    const folder = lesson.replace(/[^/]*$/, "");
    return [lesson, ...classes.flatMap(({ files }) => files.map((file) => folder + file))];
  } catch {
    return []; // Without a connection there is no lesson; the page says so.
  }
}
