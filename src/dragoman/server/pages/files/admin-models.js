// Models and their backends: how they are, and what may be set of them.

import { button, form, place, replace, sure, told } from "./admin-parts.js";
import { element } from "./elements.js";
import * as format from "./format.js";

const STATES = { online: "good", offline: "bad", unknown: "" };
const DIALECTS = {
  "openai-chat": "Chat Completions",
  "anthropic-messages": "Messages",
  "openai-responses": "Responses",
};
const ASKED = { is_answered: true, text: "" };
const trials = new Map(); // by model: what came of the last one

let house = null;
let shown = "";

export function start(given) {
  house = given;
  const open = form(place("model-dialog"), async (said) => {
    await told("models/add", { ...said, context_window: Number(said.context_window) });
    await house.done(`${said.name} is added.`);
  });
  place("new-model").addEventListener("click", open);
}

export function showModels(data) {
  place("new-model").hidden = !data.file;
  place("models-about").textContent = data.file
    ? "What you change here is changed in the configuration file and holds at once."
    : "There is no configuration file, so nothing can be changed here: start the proxy with --config.";
  const now = JSON.stringify([data.models, data.file, [...trials]]);
  if (now === shown || isTyping(document.activeElement)) {
    return;
  }
  shown = now;
  replace(place("models-list"), ...data.models.map((model) => card(model, Boolean(data.file))));
}

function isTyping(at) {
  return Boolean(at?.matches("#models input[type=number]")) && at.value !== at.defaultValue;
}

function card(model, canChange) {
  const also = [
    model.backend_model !== model.name && `${model.backend_model} to its backend`,
    model.aliases.length && `also called ${model.aliases.join(", ")}`,
    model.context_window && `${format.count(model.context_window)} tokens`,
  ];
  const head = ["Backend", "State", "Speaks", "Under way", "Most at a time", "Weight", "In service"];
  return element(
    "article",
    { class: "card", "data-model": model.name },
    element(
      "header",
      {},
      element("h2", { class: "wraps" }, model.name),
      element("span", { class: "quiet small wraps" }, also.filter(Boolean).join(" · ")),
      element(
        "span",
        { class: "row push" },
        button("Try", { title: "Ask it a short question", id: `try ${model.name}` }, () => tryOut(model.name)),
        canChange ? button("Remove…", { kind: "danger", id: `remove ${model.name}` }, () => remove(model.name)) : null,
      ),
    ),
    trial(model.name),
    element(
      "div",
      { class: "scroll" },
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, ...head.map((title, at) => element("th", { class: at > 2 ? "number" : null, scope: "col" }, title)))),
        element("tbody", {}, ...model.backends.map((backend, number) => row(model, backend, number, canChange))),
      ),
    ),
  );
}

function row(model, backend, number, canChange) {
  const change = (said) => set(model.name, number, said);
  const label = (what) => `${what} of ${backend.url}`;
  const numeric = (field, least, what, empty) => {
    if (!canChange) {
      return backend[field] ? String(backend[field]) : empty;
    }
    const input = element("input", {
      type: "number", class: "short", min: least, step: 1, value: backend[field] || null, placeholder: empty,
      required: !empty, "aria-label": label(what), "data-id": `${field} ${model.name} ${number}`,
    });
    input.addEventListener("change", () => input.reportValidity() && change({ [field]: Number(input.value) }));
    return input;
  };
  const service = element("input", {
    type: "checkbox", checked: backend.in_service, disabled: !canChange,
    "aria-label": label("In service"), "data-id": `service ${model.name} ${number}`,
  });
  service.addEventListener("change", () => change({ in_service: service.checked }));
  const learnt = backend.learnt.length
    ? element("p", { class: "quiet small wraps", title: "What its refusals have taught; forgotten when the configuration changes" }, `learnt: ${backend.learnt.join(", ")}`)
    : null;
  return element(
    "tr",
    {},
    element("td", { class: "name", title: backend.url }, backend.url, learnt),
    element("td", {}, state(backend)),
    element("td", {}, backend.dialect ? DIALECTS[backend.dialect] : "–"),
    element("td", { class: "number" }, format.count(backend.under_way)),
    element("td", { class: "number" }, numeric("max_inflight", 0, "Most at a time", "no limit")),
    element("td", { class: "number" }, numeric("weight", 1, "Weight")),
    element("td", { class: "number" }, service),
  );
}

function state(backend) {
  if (!backend.in_service) {
    return element("span", { class: "badge" }, "out of service");
  }
  const words = backend.rests ? `${backend.state}, asked last` : backend.state;
  return element("span", { class: `badge ${STATES[backend.state]}` }, words);
}

function trial(name) {
  const came = trials.get(name);
  if (!came) {
    return null;
  }
  if (came === ASKED) {
    return element("p", { class: "notice", role: "status" }, "Asked, and not answered yet.");
  }
  const words = came.is_answered ? `Answered after ${format.duration(came.milliseconds)}: ${came.text}` : came.text;
  return element("p", { class: `notice wraps${came.is_answered ? "" : " bad"}`, role: "status" }, words);
}

async function tryOut(name) {
  if (trials.get(name) === ASKED) {
    return;
  }
  trials.set(name, ASKED);
  showModels(house.data());
  try {
    trials.set(name, await told("models/try", { name }));
  } catch (error) {
    trials.set(name, { is_answered: false, text: error.message });
  }
  await house.done("");
}

async function remove(name) {
  const yes = await sure({
    title: `Remove ${name}?`,
    about: "Who asks for it from now on is told that there is no such model. Requests under way are finished.",
    yes: "Remove",
  });
  if (yes) {
    await doing(() => told("models/remove", { name }), `${name} is removed.`);
  }
}

function set(model, number, said) {
  return doing(() => told("backends/change", { model, number, ...said }), "Changed.");
}

async function doing(act, words) {
  const at = document.activeElement?.dataset.id;
  document.activeElement?.blur();
  try {
    await act();
    await house.done(words);
  } catch (error) {
    shown = ""; // what was set is not so
    await house.done("");
    house.complain(error);
  }
  if (at && document.activeElement === document.body) {
    place("models-list").querySelector(`[data-id="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
  }
}
