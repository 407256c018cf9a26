// Whose keys there are, and what they may use.

import { button, form, place, replace, sure, told } from "./admin-parts.js";
import { element } from "./elements.js";

const KEPT = { hash: "as a hash", clear: "in clear", environment: "no, it is the environment's" };

let house = null;
let shown = "";
let openForm = null;
let whose = null; // whose models are being said; null = of a new key

export function start(given) {
  house = given;
  openForm = form(place("key-dialog"), save);
  place("new-key").addEventListener("click", () => open(null));
  for (const choice of place("key-form").elements.which) {
    choice.addEventListener("change", showChoice);
  }
  place("made-copy").addEventListener("click", async () => {
    await navigator.clipboard?.writeText(place("made-key").textContent);
    place("made-copy").textContent = navigator.clipboard ? "Copied" : "Select and copy it";
  });
}

export function showKeys(data) {
  place("new-key").hidden = !data.file;
  place("keys-about").textContent = data.keys.length
    ? ""
    : "There are none: everybody who can connect may use every model.";
  const now = JSON.stringify([data.keys, data.file]);
  if (now === shown) {
    return;
  }
  shown = now;
  const head = ["Name", "Fingerprint", "May use", "In the file", ""];
  const table = element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...head.map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, ...data.keys.map((key) => row(key, Boolean(data.file)))),
  );
  replace(place("keys-table"), ...(data.keys.length ? [table] : []));
}

function row(key, canChange) {
  const { name } = key;
  const buttons = [
    button("Models…", { id: `allow ${name}`, title: "Choose what it may use" }, () => open(key)),
    button("New key…", { id: `rotate ${name}`, title: "Put a new key in the place of this one" }, () => rotate(name)),
    button("Revoke…", { id: `revoke ${name}`, kind: "danger", title: "Take it out: it no longer opens" }, () => revoke(name)),
  ];
  return element(
    "tr",
    {},
    element("td", { class: "name", title: name }, name),
    element("td", {}, element("code", {}, key.fingerprint)),
    element("td", { class: "wraps" }, key.models.join(", ") || "every model"),
    element("td", {}, KEPT[key.kept]),
    element("td", {}, canChange && key.kept !== "environment" ? element("span", { class: "row" }, ...buttons) : null),
  );
}

function open(key) {
  whose = key?.name ?? null;
  openForm();
  place("key-title").textContent = key ? `What ${key.name} may use` : "Add a key";
  place("key-save").textContent = key ? "Save" : "Make the key";
  place("key-naming").hidden = Boolean(key);
  place("key-name").disabled = Boolean(key);
  const may = new Set(key?.models ?? []);
  const names = [...new Set([...house.data().names, ...may])];
  place("key-models").replaceChildren(
    ...names.map((name) =>
      element("label", { class: "choice" }, element("input", { type: "checkbox", value: name, checked: may.has(name) }), name),
    ),
  );
  place("key-form").elements.which.value = may.size ? "some" : "all";
  showChoice();
}

function showChoice() {
  place("key-models").hidden = place("key-form").elements.which.value === "all";
}

async function save({ name, which }) {
  const ticked = [...place("key-models").querySelectorAll("input:checked")].map(({ value }) => value);
  const models = which === "all" ? [] : ticked;
  if (which === "some" && !models.length) {
    throw new Error("Choose at least one model, or every model.");
  }
  if (whose) {
    await told("keys/allow", { name: whose, models });
    await house.done(`What ${whose} may use is changed.`);
    return;
  }
  const made = await told("keys/add", { name, models });
  show(`The key of ${name}`, made);
  await house.done("");
}

async function rotate(name) {
  const yes = await sure({
    title: `A new key for ${name}?`,
    about: "The one that is there no longer opens from that moment.",
    yes: "Make a new key",
  });
  if (yes) {
    await doing(async () => show(`The new key of ${name}`, await told("keys/rotate", { name })), "");
  }
}

async function revoke(name) {
  const yes = await sure({
    title: `Revoke the key of ${name}?`,
    about: "It no longer opens from that moment, and cannot be had back.",
    yes: "Revoke",
  });
  if (yes) {
    await doing(() => told("keys/revoke", { name }), `The key of ${name} no longer opens.`);
  }
}

/** A key is in this page for as long as its dialog is open. */
function show(title, { key, is_first: isFirst }) {
  place("made-title").textContent = title;
  const before = house.data().keys.some(({ kept }) => kept === "environment")
    ? "the environment's no longer opens"
    : "from now on nobody is let in without a key";
  place("made-about").textContent = `Keep it now, for it is not shown again.${isFirst ? ` It is the first: ${before}.` : ""}`;
  place("made-key").textContent = key;
  place("made-copy").textContent = "Copy";
  const dialog = place("made-dialog");
  dialog.addEventListener("close", () => place("made-key").replaceChildren(), { once: true });
  dialog.showModal();
}

async function doing(act, words) {
  try {
    await act();
    await house.done(words);
  } catch (error) {
    house.complain(error);
  }
}
