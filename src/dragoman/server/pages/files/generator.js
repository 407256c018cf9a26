// The page of the agents' settings: asks the proxy for them, and puts the key in, which never leaves this page.

const SYSTEMS = [["unix", "Linux, macOS"], ["windows", "Windows"]];
const SHELLS = { unix: ["sh"], windows: ["powershell", "cmd"] };
const EFFORTS = ["", "minimal", "low", "medium", "high", "xhigh"];
const SAFE_KEY = /^[A-Za-z0-9._~+/=:@-]*$/; // means the same in every file and shell
const SECONDS_BETWEEN_LOOKS = 15;
const REMEMBERED = new URLSearchParams(location.hash.slice(1));

const at = (id) => document.getElementById(id);
const state = {
  agent: REMEMBERED.get("agent") ?? "claude",
  system: REMEMBERED.get("system") ?? (navigator.userAgent.includes("Windows") ? "windows" : "unix"),
  way: "file",
  slots: {}, // slot -> model
  listed: null, // the models an agent of several is told of; null = all
};
let choices = null;
let made = null;
let asked = 0;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

// Texts of the server have commands between backticks.
function worded(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function tell(message) {
  at("trouble").textContent = message;
  at("trouble").hidden = !message;
}

const reason = (error) => (error instanceof TypeError ? "The proxy does not answer." : error.message);

async function ask(path, said) {
  const options = said && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(said) };
  const answer = await fetch(path, options);
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error?.message ?? `HTTP ${answer.status}`);
  return value;
}

const agent = () => choices.agents.find((one) => one.name === state.agent) ?? choices.agents[0];
const offered = () => choices.models.filter((model) => model.chat);
const usual = () => (offered().find((model) => model.status !== "offline") ?? offered()[0])?.id;

function segments(id, rows, chosen, choose) {
  const there = [...at(id).children];
  if (there.map((button) => button.value).join() !== rows.map(([value]) => value).join()) {
    at(id).replaceChildren(...rows.map(([value, title]) => element("button", { type: "button", value, onclick: () => choose(value) }, title)));
  } // else they stay, and the keyboard where it is
  for (const button of at(id).children) button.setAttribute("aria-pressed", String(button.value === chosen));
}

function modelOptions(optional) {
  const rows = offered().map((model) => element("option", { value: model.id }, label(model)));
  return optional ? [element("option", { value: "" }, "As the conversation"), ...rows] : rows;
}

function label(model) {
  const window = model.context_window ? ` · ${tokens(model.context_window)}` : "";
  return `${model.id}${window}${model.status === "offline" ? " · offline" : ""}`;
}

const tokens = (count) => (count >= 1000 ? `${Math.round(count / 1000).toLocaleString("en")}k` : String(count));

function showChoices() {
  const wanted = agent();
  segments("agents", choices.agents.map((one) => [one.name, one.title]), wanted.name, (name) => {
    state.agent = name;
    refresh();
  });
  segments("systems", SYSTEMS, state.system, (name) => {
    state.system = name;
    refresh();
  });
  at("slots").replaceChildren(...wanted.slots.map((slot, index) => slotField(slot, index)));
  at("efforts").hidden = !wanted.has_effort;
  at("windows").hidden = !wanted.has_window;
  at("window").placeholder = knownWindow();
  at("several").hidden = !wanted.several || offered().length < 2;
  at("searching").hidden = !choices.search;
  at("keys").hidden = !choices.key_place;
  showSeveral();
}

function slotField(slot, index) {
  const id = `slot-${slot.name}`;
  const select = element("select", { id, "aria-describedby": `${id}-about` }, ...modelOptions(slot.optional));
  const first = agent().slots[0].name;
  select.value = state.slots[slot.name] ?? (slot.optional ? "" : state.slots[first] ?? usual());
  select.addEventListener("change", () => {
    state.slots[slot.name] = select.value;
    if (index === 0) showChoices(); // the others follow it until they are chosen
    make();
  });
  return element("div", {}, element("label", { for: id }, slot.title), select,
    element("p", { class: "quiet small", id: `${id}-about` }, ...worded(slot.about)));
}

function knownWindow() {
  const main = state.slots[agent().slots[0].name] ?? usual();
  const found = choices.models.find((model) => model.id === main)?.context_window;
  return found ? found.toLocaleString("en") : "not known";
}

function showSeveral() {
  const all = offered().map((model) => model.id);
  const listed = state.listed ?? new Set(all);
  at("several-title").textContent = `Models it lists: ${listed.size} of ${all.length}`;
  at("several-list").replaceChildren(...all.map((name) => {
    const box = element("input", { type: "checkbox", checked: listed.has(name) });
    box.addEventListener("change", () => {
      state.listed ??= new Set(all);
      if (box.checked) state.listed.add(name);
      else state.listed.delete(name);
      at("several-title").textContent = `Models it lists: ${state.listed.size} of ${all.length}`;
      make();
    });
    return element("label", { class: "choice" }, box, name);
  }));
}

function wantedModels() {
  const wanted = agent();
  const [first, ...rest] = wanted.slots;
  const main = state.slots[first.name] ?? usual();
  const named = rest.filter((slot) => state.slots[slot.name] && (slot.optional || state.slots[slot.name] !== main));
  const slots = named.map((slot) => `${slot.name}=${state.slots[slot.name]}`);
  const others = wanted.several && state.listed ? [...state.listed].filter((name) => name !== main) : [];
  return [main, ...others, ...slots].filter(Boolean);
}

async function make() {
  const turn = ++asked;
  try {
    const said = await ask("/generator/files", {
      agent: agent().name,
      models: wantedModels(),
      origin: location.origin,
      effort: agent().has_effort ? at("effort").value : "",
      window: (agent().has_window && at("window").valueAsNumber) || null,
      search: at("search").checked,
      quiet: at("quiet").checked,
    });
    if (turn !== asked) return; // a later choice has been made
    made = said;
    tell("");
    showMade();
  } catch (error) {
    if (turn === asked) tell(reason(error));
  }
}

const key = () => at("key").value.trim();

function withKey(text) {
  const usable = choices.key_place && key() && SAFE_KEY.test(key());
  return usable ? text.replaceAll(choices.key_place, key()) : text;
}

function ways() {
  const scripts = SHELLS[state.system].map((name) => made.scripts.find((script) => script.shell === name));
  const titled = scripts.map((script) => [script.shell, scripts.length > 1 ? `Script (${script.title})` : "Start script"]);
  return [["file", "Settings file"], ...titled, ["command", "Commands"]];
}

const inSystem = (path) => (state.system === "windows" ? path.replace("~", "%USERPROFILE%").replaceAll("/", "\\") : path);

function current() {
  const script = made.scripts.find((one) => one.shell === state.way);
  if (script) return { name: script.name, content: script.content, steps: [
    install(),
    ["Save it as ", element("code", {}, script.name), "."],
    ["Run ", element("code", {}, script.run), ". It changes none of your files."],
  ] };
  if (state.way === "command") return { name: "", content: commands(), steps: [
    install(),
    ["With Dragoman installed where the agent runs, one of these is all it takes: the first keeps it set up, the second is for one run."],
  ] };
  return { name: made.file.name, content: made.file.content, steps: [
    install(),
    ["Put it at ", element("code", {}, inSystem(made.file.path)), ". Is there such a file? Then ",
      element("button", { type: "button", class: "link", onclick: () => choose("command") }, "let a command merge it"), "."],
    ["Start ", element("code", {}, made.start), "."],
  ] };
}

const install = () => ["Not installed yet? ", element("code", {}, made.install)];

function commands() {
  const variable = state.system === "windows" ? "$env:DRAGOMAN_KEY = " : "export DRAGOMAN_KEY=";
  const first = choices.key_place ? [`${variable}${state.system === "windows" ? `'${choices.key_place}'` : choices.key_place}`] : [];
  return [...first, made.setup, made.launch, ""].join("\n");
}

function choose(way) {
  state.way = way;
  showMade();
}

function showMade() {
  const possible = ways();
  if (!possible.some(([name]) => name === state.way)) state.way = "file";
  segments("ways", possible, state.way, choose);
  const shown = current();
  at("steps").replaceChildren(...shown.steps.map((step) => element("li", {}, ...step)));
  at("filename").textContent = shown.name;
  at("download").hidden = !shown.name;
  at("content").textContent = withKey(shown.content);
  const odd = choices.key_place && !SAFE_KEY.test(key());
  const notes = [...made.notes];
  if (odd) notes.unshift("This key holds characters that files write in a way of their own: put it in by hand.");
  else if (choices.key_place && !key()) notes.unshift(`Type your key on this page, or put it in the place of \`${choices.key_place}\`.`);
  at("notes").replaceChildren(...notes.map((note) => element("li", {}, ...worded(note))));
  const remembered = new URLSearchParams({ agent: agent().name, system: state.system });
  history.replaceState(null, "", `#${remembered}`);
}

async function copy() {
  try {
    await navigator.clipboard.writeText(at("content").textContent);
  } catch { // a page that came by http from elsewhere may not use the clipboard
    const range = document.createRange();
    range.selectNodeContents(at("content"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    if (!document.execCommand("copy")) return;
  }
  at("copy").textContent = "Copied";
  setTimeout(() => (at("copy").textContent = "Copy"), 2000);
}

function download() {
  const url = URL.createObjectURL(new Blob([withKey(current().content)], { type: "application/octet-stream" }));
  element("a", { href: url, download: current().name }).click();
  URL.revokeObjectURL(url);
}

const STATES = { online: ["online", "badge good"], offline: ["offline", "badge bad"], unknown: ["not asked yet", "badge"] };
const said = (value) => (value === null ? "not known" : value ? "yes" : "no");

function showModels() {
  const rows = choices.models.map((model) => {
    const [state, style] = STATES[model.status];
    const images = model.images_described ? "described to it" : said(model.vision);
    const where = model.local ? ["this network only", "badge good"] : ["outside services", "badge warn"];
    return element("tr", {},
      element("td", { class: "name", title: model.id }, model.id,
        ...(model.alias_of ? [element("span", { class: "quiet" }, ` → ${model.alias_of}`)] : [])),
      element("td", {}, element("span", { class: style }, state)),
      element("td", { class: "number" }, model.context_window?.toLocaleString("en") ?? "not known"),
      element("td", {}, images),
      element("td", {}, model.reasoning_efforts.length ? model.reasoning_efforts.join(", ") : said(model.reasoning)),
      element("td", {}, element("span", { class: where[1] }, where[0])));
  });
  at("models").replaceChildren(...rows);
  const online = choices.models.filter((model) => model.status === "online").length;
  at("counted").textContent = `${online} of ${choices.models.length} online`;
}

async function look() {
  const before = JSON.stringify(choices);
  try {
    choices = await ask("/generator/choices");
  } catch (error) {
    tell(reason(error));
    return;
  }
  if (JSON.stringify(choices) === before) return;
  showModels();
  refresh();
  at("work").hidden = at("listing").hidden = false;
}

function refresh() {
  showChoices();
  make();
}

at("effort").replaceChildren(...EFFORTS.map((effort) => element("option", { value: effort }, effort || "The agent's own")));
for (const id of ["effort", "search", "quiet"]) at(id).addEventListener("change", make);
at("window").addEventListener("input", make);
at("key").addEventListener("input", () => made && showMade());
at("choosing").addEventListener("submit", (event) => event.preventDefault());
at("copy").addEventListener("click", copy);
at("download").addEventListener("click", download);
look();
setInterval(() => document.hidden || look(), SECONDS_BETWEEN_LOOKS * 1000);
