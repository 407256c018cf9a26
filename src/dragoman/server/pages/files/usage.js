// The usage page: asks for the days that are chosen, and every two seconds for what is in flight.

import { bars, curves, legend } from "./charts.js";
import { element } from "./elements.js";
import * as format from "./format.js";
import { table } from "./table.js";

const LIVE_EVERY = 2_000; // milliseconds
const DATA_EVERY = 30_000;
const COLOURS = 5;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const place = (id) => document.getElementById(id);

const chosen = { days: Number(sessionStorage.getItem("days")) || 7, table: sessionStorage.getItem("table") || "models" };
let data = null;
let asked = 0;
let flying = new Set();
const colours = new Map();

async function ask(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  if (answer.status === 401) {
    location.reload(); // to the login
    return new Promise(() => {});
  }
  const said = await answer.json();
  if (!answer.ok) {
    throw new Error(said?.error?.message ?? answer.statusText);
  }
  return said;
}

function complain(error) {
  place("trouble").textContent = error ? `The proxy does not answer (${error.message}).` : "";
  place("trouble").hidden = !error;
}

async function refresh() {
  const mine = ++asked;
  try {
    const found = await ask(`/usage/data?days=${chosen.days}&zone=${encodeURIComponent(zone)}`);
    if (mine === asked) {
      data = found;
      complain(null);
      show();
    }
  } catch (error) {
    complain(error);
  }
}

function show() {
  place("silent").hidden = data.is_recording;
  place("when").textContent = `Days begin at midnight in ${data.zone}. Updated at ${format.now()}.`;
  showFigures(data.totals);
  showCharts();
  showTable();
  document.querySelector("main").dataset.days = data.days;
}

function showFigures(totals) {
  const rate = totals.requests ? totals.errors / totals.requests : null;
  const figures = [
    ["Requests", format.compact(totals.requests), totals.cancelled ? `${format.count(totals.cancelled)} cancelled` : "none cancelled"],
    ["Failed", format.compact(totals.errors), totals.requests ? `${format.share(rate)} of requests` : "–"],
    ["Input tokens", format.compact(totals.input_tokens), `${format.compact(totals.cached_tokens)} from the cache`],
    ["Output tokens", format.compact(totals.output_tokens), `${format.compact(totals.reasoning_tokens)} reasoning`],
    ["Cache hits", format.share(totals.cache_hit_rate), "of input tokens"],
    ["First token", format.duration(totals.first_token_ms_p50), `95 %: ${format.duration(totals.first_token_ms_p95)}`],
  ];
  place("figures").replaceChildren(
    ...figures.map(([title, value, more]) =>
      element("div", {}, element("dt", {}, title), element("dd", {}, value), element("dd", {}, more)),
    ),
  );
}

/** A model keeps its colour whatever days are shown. */
function colourOf(name) {
  if (!colours.has(name)) {
    colours.set(name, (colours.size % COLOURS) + 1);
  }
  return colours.get(name);
}

function showCharts() {
  const labels = data.series.map((row) => row.name);
  const of = (name) => data.series.map((row) => row[name]);
  const models = data.tokens_by_model.map(({ name, tokens }) => ({
    name: name === null ? "others" : name || "(unknown)",
    values: tokens,
    colour: name === null ? 6 : colourOf(name),
  }));
  const requests = [
    { name: "answered", values: data.series.map((row) => row.requests - row.errors - row.cancelled), colour: 1 },
    { name: "cancelled", values: of("cancelled"), colour: 6 },
    { name: "failed", values: of("errors"), colour: "bad" },
  ];
  const times = (name) => [
    { name: "half of them", values: of(`${name}_ms_p50`), colour: 1 },
    { name: "95 %", values: of(`${name}_ms_p95`), colour: 2 },
  ];
  const title = (what) => `${what}, by ${data.unit}; the numbers are in the table "Days"`;
  const charts = [
    ["tokens", bars, models, format.compact, title("Tokens by model")],
    ["requests", bars, requests, format.compact, title("Requests")],
    ["first", curves, times("first_token"), format.duration, title("Time to the first token")],
    ["duration", curves, times("duration"), format.duration, title("Time to the end")],
  ];
  for (const [name, draw, series, write, label] of charts) {
    draw(place(`${name}-chart`), { labels, series, format: write, title: label });
    legend(place(`${name}-legend`), series);
  }
}

const NOTES = {
  sessions: "The latest 200. A session that was used in these days is told as a whole.",
  problems: "What each kind means, and what to do, is in docs/errors.md.",
};
const NAMES = {
  models: "Model",
  users: "User",
  agents: "Agent",
  sessions: "Session",
  backends: "Backend",
  problems: "Error",
};
const EXPORTED = {
  models: "model",
  users: "user",
  agents: "agent",
  sessions: "session",
  backends: "backend",
  problems: "problem",
  series: "day",
};

function showTable() {
  const name = NAMES[chosen.table] ?? (data.unit === "hour" ? "Hour" : "Day");
  table(place("table"), { rows: data[chosen.table], kind: chosen.table, name });
  place("note").textContent = NOTES[chosen.table] ?? "";
  for (const form of ["csv", "json"]) {
    const by = EXPORTED[chosen.table];
    place(form).href = `/usage/export?by=${by}&days=${chosen.days}&zone=${encodeURIComponent(zone)}&format=${form}`;
  }
}

const STATES = {
  arriving: ["arriving", ""],
  waiting: ["waiting for the backend", "warn"],
  answering: ["answering", "good"],
};

async function look() {
  try {
    const { under_way: found } = await ask("/usage/live");
    const ids = new Set(found.map((one) => one.id));
    const ended = [...flying].some((id) => !ids.has(id));
    flying = ids;
    showFlight(found);
    if (ended || !place("trouble").hidden) {
      setTimeout(refresh, 600); // by then it is written down
    }
  } catch (error) {
    complain(error);
  }
}

function showFlight(found) {
  place("flight-count").textContent = found.length ? format.count(found.length) : "nothing at the moment";
  place("flight-table").hidden = !found.length;
  const head = ["Model", "User", "Agent", "State", "Age", "Input", "Output", "Sent"];
  const cells = (one) => [
    element("td", { class: "name" }, one.model || "–"),
    element("td", { class: "name" }, one.key),
    element("td", { class: "name", title: one.session }, one.agent || "–"),
    element("td", {}, element("span", { class: `badge ${STATES[one.state][1]}` }, STATES[one.state][0])),
    element("td", { class: "number" }, format.duration(one.age_ms)),
    element("td", { class: "number" }, one.input_tokens == null ? "–" : format.compact(one.input_tokens)),
    element("td", { class: "number" }, one.output_tokens == null ? "–" : format.compact(one.output_tokens)),
    element("td", { class: "number" }, format.bytes(one.response_bytes)),
  ];
  place("flight-table").replaceChildren(
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...head.map((title, at) => element("th", { class: at > 3 ? "number" : null }, title)))),
      element("tbody", {}, ...found.map((one) => element("tr", {}, ...cells(one)))),
    ),
  );
}

function choose(group, key, then) {
  const buttons = [...place(group).querySelectorAll("button")];
  const press = () => {
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset[key] === String(chosen[key])));
    }
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      chosen[key] = key === "days" ? Number(button.dataset.days) : button.dataset[key];
      sessionStorage.setItem(key, chosen[key]);
      press();
      then();
    });
  }
  press();
}

choose("ranges", "days", refresh);
choose("tables", "table", () => data && showTable());

place("logout").addEventListener("click", async () => {
  await fetch("/usage/logout", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  location.reload();
});

let drawing = 0;
window.addEventListener("resize", () => {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(() => data && showCharts());
});

/** Again and again, while anybody looks; and at once when somebody looks again. */
function keep(doing, every) {
  let next = 0;
  const again = async () => {
    clearTimeout(next);
    if (!document.hidden) {
      await doing();
      clearTimeout(next); // of a second call meanwhile
      next = setTimeout(again, every);
    }
  };
  document.addEventListener("visibilitychange", again);
  again();
}

keep(look, LIVE_EVERY);
keep(refresh, DATA_EVERY);
