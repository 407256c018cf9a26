// A table of sums, in the order that is chosen by its head.

import { element } from "./elements.js";
import * as format from "./format.js";

const SUMS = [
  ["requests", "Requests", format.count],
  ["errors", "Failed", (value) => (value ? format.count(value) : "")],
  ["input_tokens", "Input", format.compact],
  ["cache_hit_rate", "Cached", format.share],
  ["output_tokens", "Output", format.compact],
  ["first_token_ms_p50", "First token", format.duration],
  ["first_token_ms_p95", "95 %", format.duration],
  ["duration_ms_p50", "To the end", format.duration],
  ["duration_ms_p95", "95 %", format.duration],
  ["tool_runs", "Tools", (value) => (value ? format.count(value) : "")],
  ["last", "Last", format.when],
];
const TEXTS = { sessions: [["user", "User"], ["agent", "Agent"], ["model", "Model"]] };
const order = {}; // of each kind of table: { by, down }

export function table(place, { rows, kind, name }) {
  const texts = [["name", name], ...(TEXTS[kind] ?? [])];
  const sums = kind === "series" ? SUMS.filter(([field]) => field !== "last") : SUMS;
  const again = (field) => {
    const now = order[kind];
    order[kind] = { by: field, down: now?.by === field ? !now.down : !texts.some(([text]) => text === field) };
    table(place, { rows, kind, name });
    place.querySelector(`[data-by="${field}"]`).focus();
  };
  const head = (field, title, number) => {
    const sorted = order[kind]?.by === field ? (order[kind].down ? "descending" : "ascending") : null;
    const button = element("button", { type: "button", "data-by": field }, title);
    button.addEventListener("click", () => again(field));
    return element("th", { class: number ? "number" : null, "aria-sort": sorted, scope: "col" }, button);
  };
  const shown = (row, field) => (field === "name" && kind === "series" ? format.piece(row.name) : row[field] || "(none)");
  const body = sorted(rows, order[kind]).map((row) =>
    element(
      "tr",
      {},
      ...texts.map(([field]) => element("td", { class: "name", title: row[field] || null }, shown(row, field))),
      ...sums.map(([field, , write]) => element("td", { class: "number" }, write(row[field]))),
    ),
  );
  const empty = element("tr", {}, element("td", { class: "quiet", colspan: texts.length + sums.length }, "Nothing in these days"));
  place.replaceChildren(
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...texts.map(([f, t]) => head(f, t, false)), ...sums.map(([f, t]) => head(f, t, true)))),
      element("tbody", {}, ...(body.length ? body : [empty])),
    ),
  );
}

function sorted(rows, how) {
  if (!how) {
    return rows;
  }
  const way = how.down ? -1 : 1;
  const value = (row) => row[how.by] ?? (typeof row[how.by] === "string" ? "" : -1);
  return [...rows].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    return way * (typeof a === "string" ? String(a).localeCompare(String(b)) : a - b);
  });
}
