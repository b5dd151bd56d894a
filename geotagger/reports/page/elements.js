// Elements of the page, and safe texts. Nothing here parses HTML.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** The text of a block of data inside the page. */
const dataText = (name) => $(`script.${name}`)?.textContent;

/** An element with attributes (`on...` are listeners) and children (elements or texts). */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

/** One of the page's symbols. It is hidden from screen readers, because a text is next to it. */
function icon(name, kind = "") {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("class", `icon ${kind}`);
  made.setAttribute("aria-hidden", "true");
  made.append(document.createElementNS(space, "use"));
  made.firstChild.setAttribute("href", `#i-${name}`);
  return made;
}

const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text in which invisible characters, such as changes of the writing direction, are escaped. */
function plain(text) {
  const escaped = (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return String(text ?? "").replace(INVISIBLE, escaped);
}

/** A backslash divides only paths of Windows; elsewhere it begins an escape, or is part of a name. */
function fileName(path) {
  const text = plain(path);
  return text.split(text.includes("/") ? "/" : /\\(?!u[0-9a-f]{4}|x[0-9a-f]{2})/).pop();
}
const folderName = (path) => plain(path).slice(0, -fileName(path).length).replace(/[/\\]$/, "");

const percent = (share) => (Number.isFinite(share) ? `${Math.round(100 * share + 1e-4)} %` : "");

function kilometres(km) {
  if (!Number.isFinite(km)) return "";
  if (km < 1) return `${Math.round(1000 * km)} m`;
  return `${km < 10 ? km.toFixed(1) : Math.round(km).toLocaleString("en")} km`;
}

const degrees = (lat, lon) =>
  `${Math.abs(lat).toFixed(4)}° ${lat < 0 ? "S" : "N"}, ${Math.abs(lon).toFixed(4)}° ${lon < 0 ? "W" : "E"}`;

const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** City, region and country as far as they are known and the level allows. */
function placeName(place) {
  if (place.level === "continent") return plain(`${place.continent}, at best ${place.country}`);
  if (place.level === "none" && place.country) return plain(`at best ${place.country}`);
  const names = [place.city, place.region, place.country].filter(Boolean);
  return plain(names.filter((name, i) => name !== names[i - 1]).join(", "));
}

/** Shows a short message, also to screen readers. */
function announce(text) {
  $("#message").textContent = text;
  $("#message").classList.add("shown");
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => $("#message").classList.remove("shown"), 4000);
}

/** Lets the browser draw and handle events before the work continues. */
const pause = () => new Promise((done) => setTimeout(done));

function debounce(action, milliseconds) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
}

const isTyping = (target) => target.closest("input, select, textarea, dialog") !== null;
const prefersReducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Says that the page cannot go on. */
function fatal(error) {
  document.body.append(element("p", { class: "fatal", role: "alert" }, `This page could not be shown: ${error.message}`));
  throw error;
}
