// The configuration file as a whole.

import { finding, place, told } from "./admin-parts.js";

let house = null;
let isBusy = false;
let loaded = null; // { text, version } as it was when it was loaded

const text = () => place("file-text").value;
const isEdited = () => loaded !== null && text() !== loaded.text;

export function start(given) {
  house = given;
  place("file-reload").addEventListener("click", () => busy(load));
  place("file-check").addEventListener("click", () => busy(() => judge("file/check")));
  place("file-save").addEventListener("click", () => busy(save));
  place("file-text").addEventListener("input", () => {
    place("file-findings").replaceChildren();
    showState();
  });
  window.addEventListener("beforeunload", (event) => {
    if (isEdited()) {
      event.preventDefault();
    }
  });
}

export function showFile(data) {
  place("file-path").textContent = data.file ?? "There is no configuration file";
  for (const id of ["file-reload", "file-check", "file-save"]) {
    place(id).hidden = !data.file;
  }
  place("file-text").disabled = !data.file;
}

/** What was written here stays; else what is in the file now is shown. */
export function enter() {
  if (!isEdited()) {
    busy(load);
  }
}

async function load() {
  const found = await told("file");
  loaded = { ...found, text: found.text.replaceAll("\r\n", "\n") };
  place("file-text").value = loaded.text;
  place("file-findings").replaceChildren();
  showState();
}

async function judge(path) {
  const said = await told(path, { text: text(), version: loaded.version });
  place("file-findings").replaceChildren(...said.findings.map(shown));
  place("file-state").textContent = said.is_sound ? "no mistakes" : "not saved: it has mistakes";
  return said;
}

async function save() {
  if (!isEdited()) {
    place("file-state").textContent = "nothing has changed";
    return;
  }
  const { is_sound: isSound, after_restart: later } = await judge("file/save");
  if (isSound) {
    loaded.text = text(); // nothing is left to lose, also if the password was changed and one has to log in again
    const findings = [...place("file-findings").children];
    await load();
    place("file-findings").replaceChildren(...findings);
    await house.done(`Saved, and taken over${later.length ? `; ${later.join(", ")} after a restart` : ""}.`);
  }
}

/** With a click one is at its line. */
function shown(one) {
  const item = finding(one);
  if (one.line) {
    item.addEventListener("click", () => goTo(one.line));
    item.classList.add("goes");
  }
  return item;
}

function goTo(line) {
  const area = place("file-text");
  const lines = text().split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  area.scrollTop = (area.scrollHeight / lines.length) * Math.max(line - 8, 0);
}

function showState() {
  place("file-state").textContent = isEdited() ? "edited" : "";
}

/** One thing at a time: a second click is the same wish. */
async function busy(act) {
  if (isBusy) {
    return;
  }
  isBusy = true;
  place("trouble").hidden = true;
  try {
    await act();
  } catch (error) {
    house.complain(error);
  }
  isBusy = false;
}
