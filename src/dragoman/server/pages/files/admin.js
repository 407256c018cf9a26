// The administration: three parts, of which one is shown. What is changed is changed in the file, by the proxy.

import { enter as enterFile, showFile, start as startFile } from "./admin-file.js";
import { showKeys, start as startKeys } from "./admin-keys.js";
import { showModels, start as startModels } from "./admin-models.js";
import { finding, place, told } from "./admin-parts.js";

const EVERY = 3_000; // milliseconds
const LASTS = 8_000; // what was done is told so long
const PARTS = { models: showModels, keys: showKeys, file: showFile };

let data = null;
let part = PARTS[sessionStorage.getItem("part")] ? sessionStorage.getItem("part") : "models";
let next = 0;
let fading = 0;
let isLost = false; // what trouble there is, is that the proxy does not answer

async function refresh() {
  try {
    data = await told("data");
    if (isLost) {
      place("trouble").hidden = true;
    }
    isLost = false;
    show();
  } catch (error) {
    isLost = true;
    complain(error);
  }
}

function show() {
  place("broken").hidden = data.is_taken_over;
  place("broken-findings").replaceChildren(...data.findings.filter(({ level }) => level === "error").map(finding));
  for (const name of Object.keys(PARTS)) {
    place(name).hidden = name !== part;
  }
  place("usage").hidden = !data.has_usage;
  PARTS[part](data);
  document.querySelector("main").dataset.shown = part;
}

function complain(error) {
  place("trouble").textContent = error.message;
  place("trouble").hidden = false;
  place("done").hidden = true;
}

/** Something was done: say so, and show how it is now. What went wrong before is told until then. */
async function done(words) {
  place("trouble").hidden = true;
  place("done").textContent = words;
  place("done").hidden = !words;
  clearTimeout(fading);
  fading = setTimeout(() => {
    place("done").hidden = true;
  }, LASTS);
  await refresh();
}

function choose(name) {
  part = name;
  sessionStorage.setItem("part", part);
  for (const button of place("parts").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.part === part));
  }
  if (data) {
    show();
  }
  if (name === "file") {
    enterFile();
  }
}

for (const button of place("parts").querySelectorAll("button")) {
  button.addEventListener("click", () => {
    place("done").hidden = true;
    place("trouble").hidden = true;
    choose(button.dataset.part);
  });
}

place("logout").addEventListener("click", async () => {
  await told("logout", {});
  location.reload();
});

const house = { data: () => data, done, complain };
startModels(house);
startKeys(house);
startFile(house);
choose(part);

/** Again and again, while anybody looks; and at once when somebody looks again. */
async function keep() {
  clearTimeout(next);
  if (!document.hidden) {
    await refresh();
    clearTimeout(next); // of a second call meanwhile
    next = setTimeout(keep, EVERY);
  }
}

document.addEventListener("visibilitychange", keep);
keep();
