// What keeps people from using the page, as far as a script can see it: run in the
// page, returns sentences. Rules are WCAG 2.2's, level AA, by number.

const findings = [];
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const isShown = (element) =>
  element.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true }) &&
  element.getBoundingClientRect().width > 0;
const isHiddenFromAll = (element) => element.closest("[aria-hidden=true], [inert]") !== null;
const isOnlyHeard = (element) => {
  const hidden = element.closest(".visually-hidden");
  return hidden !== null && getComputedStyle(hidden).clipPath !== "none";
};
const shown = (element) => {
  const { id, className, dataset } = element;
  const name = element.tagName.toLowerCase();
  const by = id ? `#${id}` : dataset.testid ? `[data-testid=${dataset.testid}]` : "";
  const kind = typeof className === "string" && className ? `.${className.split(" ").join(".")}` : "";
  const text = (element.textContent ?? "").trim().slice(0, 40);
  return `${name}${by || kind} “${text}”`;
};
const report = (rule, element, what) => findings.push(`${rule}: ${what}: ${shown(element)}`);

// 3.1.1, 2.4.2, 1.4.4, 1.3.1: the document.
if (!document.documentElement.lang) findings.push("3.1.1: <html> has no lang");
if (!document.title.trim()) findings.push("2.4.2: the page has no title");
const viewport = document.querySelector("meta[name=viewport]")?.content ?? "";
if (/user-scalable\s*=\s*no|maximum-scale/.test(viewport)) findings.push("1.4.4: zooming is forbidden");
const mains = all("main").filter(isShown).length;
if (mains !== 1) findings.push(`1.3.1: ${mains} elements <main>; expected one`);
if (document.scrollingElement.scrollWidth > innerWidth) {
  const wide = all("body *").filter((element) => element.getBoundingClientRect().right > innerWidth + 1);
  findings.push(`1.4.10: the page scrolls sideways: ${wide.slice(0, 3).map(shown).join(", ")}`);
}

// 4.1.1, 4.1.2: names that references go by.
const ids = new Map();
for (const element of all("[id]")) ids.set(element.id, (ids.get(element.id) ?? 0) + 1);
for (const [id, count] of ids) if (count > 1) findings.push(`4.1.2: ${count} elements are called #${id}`);
const REFERENCES = ["aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "aria-activedescendant", "for"];
for (const attribute of REFERENCES) {
  for (const element of all(`[${attribute}]`)) {
    for (const id of element.getAttribute(attribute).split(/\s+/).filter(Boolean)) {
      if (!ids.has(id)) report("4.1.2", element, `${attribute} names #${id}, which is not there`);
    }
  }
}

// 4.1.2: roles, with the states that they need.
const NEEDED = {
  alert: [], alertdialog: [], application: [], article: [], banner: [], button: [], cell: [],
  checkbox: ["aria-checked"], columnheader: [], combobox: ["aria-expanded"], complementary: [],
  contentinfo: [], dialog: [], document: [], figure: [], form: [], grid: [], gridcell: [], group: [],
  heading: ["aria-level"], img: [], link: [], list: [], listbox: [], listitem: [], log: [], main: [],
  math: [], menu: [], menuitem: [], meter: ["aria-valuenow"], navigation: [], none: [], note: [],
  option: ["aria-selected"], presentation: [], progressbar: [], radio: ["aria-checked"], radiogroup: [],
  region: [], row: [], rowgroup: [], rowheader: [], search: [], separator: [], slider: ["aria-valuenow"],
  spinbutton: [], status: [], switch: ["aria-checked"], tab: ["aria-selected"], table: [], tablist: [],
  tabpanel: [], term: [], textbox: [], timer: [], toolbar: [], tooltip: [], tree: [], treeitem: [],
};
const PARENTS = { tab: "tablist", option: "listbox", row: "table, [role=grid], [role=rowgroup], tbody, thead", gridcell: "row", listitem: "list" };
for (const element of all("[role]")) {
  const role = element.getAttribute("role");
  if (!(role in NEEDED)) report("4.1.2", element, `there is no role ${role}`);
  for (const state of NEEDED[role] ?? []) {
    const isNative = element.matches("input, select, progress, meter, h1, h2, h3, h4, h5, h6");
    if (!isNative && !element.hasAttribute(state)) report("4.1.2", element, `role ${role} without ${state}`);
  }
  const parent = PARENTS[role];
  if (parent && !element.parentElement.closest(`[role=${parent.split(",")[0]}], ${parent.split(",").slice(1).join(",") || "x-none"}`)) {
    report("1.3.1", element, `role ${role} outside of a ${parent}`);
  }
}
for (const element of all("[aria-hidden=true]")) {
  const inside = [element, ...all("*", element)];
  const reached = inside.find((part) => part.tabIndex >= 0 && isShown(part) && part.matches("a[href], button, input, select, textarea, [tabindex]"));
  if (reached && !reached.disabled) report("4.1.2", reached, "focusable, but hidden from screen readers");
}
const LISTS = { UL: "LI", OL: "LI" };
for (const list of all("ul, ol").filter((list) => !list.hasAttribute("role"))) {
  const other = [...list.children].find((child) => child.tagName !== LISTS[list.tagName] && child.tagName !== "TEMPLATE");
  if (other) report("1.3.1", other, "no item, directly in a list");
}

// 1.1.1: images.
for (const image of all("img")) if (!image.hasAttribute("alt")) report("1.1.1", image, "an image without alt");
for (const picture of all("svg, canvas").filter(isShown)) {
  const isNamed = picture.ariaLabel || picture.hasAttribute("aria-labelledby") || picture.querySelector("title");
  const isPlayed = picture.closest("[role=img], [role=progressbar]")?.matches("[aria-label], [aria-labelledby]");
  const isInNamed = picture.closest("button, a")?.matches("[aria-label]");
  if (!isHiddenFromAll(picture) && !isNamed && !isPlayed && !isInNamed) report("1.1.1", picture, "a drawing without a name");
}

// 1.3.1, 2.4.6: headings.
const headings = all("h1, h2, h3, h4, h5, h6").filter((heading) => isShown(heading) && !isHiddenFromAll(heading));
let level = 0;
for (const heading of headings) {
  const own = Number(heading.tagName[1]);
  if (own > level + 1) report("1.3.1", heading, `a heading of level ${own} behind one of level ${level}`);
  if (!heading.textContent.trim()) report("2.4.6", heading, "an empty heading");
  level = own;
}
const first = headings.filter((heading) => heading.tagName === "H1").length;
if (first !== 1) findings.push(`1.3.1: ${first} headings of level 1; expected one`);

// 3.3.2: labels.
for (const field of all("input:not([type=hidden]), select, textarea")) {
  const isNamed = field.ariaLabel || field.hasAttribute("aria-labelledby") || [...(field.labels ?? [])].some((label) => label.textContent.trim());
  if (!isNamed) report("3.3.2", field, "a field without a label");
}

// 2.4.3, 2.1.1: the order of the focus, and what can be clicked.
for (const element of all("[tabindex]")) if (element.tabIndex > 0) report("2.4.3", element, `tabindex ${element.tabIndex}`);
for (const inner of all("button button, a a, a button, button a, button input, button [tabindex]")) {
  report("4.1.2", inner, "a control within a control");
}

// 2.5.8: at least 24 by 24 pixels, or in a text.
for (const target of all("button, a[href], input:not([type=hidden]), select, textarea, summary, [role=button], [role=tab]")) {
  if (!isShown(target) || isOnlyHeard(target) || isHiddenFromAll(target) || target.disabled) continue;
  const label = target.closest("label") ?? target.labels?.[0];
  const boxes = [target, label].filter(Boolean).map((element) => element.getBoundingClientRect());
  const isLarge = boxes.some(({ width, height }) => width >= 23.5 && height >= 23.5);
  const inText = target.matches("p a, li a, p button.inline");
  if (!isLarge && !inText && !target.matches(".skip")) {
    const [{ width, height }] = boxes;
    report("2.5.8", target, `a target of ${width.toFixed(0)} × ${height.toFixed(0)} px`);
  }
}

// 1.4.3: contrast of texts, 4.5 or for large ones 3.
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const known = new Map();
const rgba = (colour) => {
  if (!known.has(colour)) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    known.set(colour, [red, green, blue, alpha / 255]);
  }
  return known.get(colour);
};
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
const luminance = (colour) => {
  const [r, g, b] = colour.slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
/** What is behind an element's text; null behind a picture, which has no one colour. */
const ground = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.backgroundImage !== "none") return null;
    const colour = rgba(style.backgroundColor);
    if (colour[3] > 0) layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const seen = new Set();
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || seen.has(element)) continue;
  seen.add(element);
  if (!isShown(element) || isOnlyHeard(element) || element.closest("script, style, noscript, option")) continue;
  // Controls that cannot be used now need none.
  if (element.closest(":disabled, [aria-disabled=true], label:has(:disabled)")) continue;
  const style = getComputedStyle(element);
  const behind = ground(element);
  if (behind === null) continue;
  let opacity = 1;
  for (let at = element; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
  const [r, g, b, a] = rgba(element.closest("svg") ? style.fill : style.color);
  const ink = over([r, g, b, a * opacity], behind);
  const [light, dark] = [luminance(ink), luminance(behind)].sort((one, other) => other - one);
  const contrast = (light + 0.05) / (dark + 0.05);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (contrast < (isLarge ? 3 : 4.5)) report("1.4.3", element, `a contrast of ${contrast.toFixed(2)}`);
}
return findings;
