// Two charts, drawn as plain SVG: stacked bars and curves. Colours are classes, so the style sheet decides them.

import { drawn, element } from "./elements.js";
import { piece } from "./format.js";

const ROOM = { top: 8, right: 4, bottom: 22, left: 46 }; // on the left more, where the labels want it
const RULES = 4;
const GAP = 8; // pixels between a label on the left and what it belongs to
const LABEL_WIDTH = 58; // pixels that a label below needs
const LAST_LABEL = 20; // pixels from the middle of a label to its end

/** series: [{ name, values, colour }], one value for each label; null = none. */
export function bars(figure, { labels, series, format, title }) {
  const totals = labels.map((_, at) => sum(series.map(({ values }) => values[at])));
  frame(figure, { labels, series, format, title, most: Math.max(...totals, 0), total: totals }, (plot) => {
    const width = Math.max(1, Math.min(plot.step * 0.72, 34));
    return labels.flatMap((_, at) => {
      let base = 0;
      return series.flatMap(({ values, colour }) => {
        const value = values[at] ?? 0;
        if (value <= 0) {
          return [];
        }
        const [top, bottom] = [plot.y(base + value), plot.y(base)];
        base += value;
        const height = Math.max(bottom - top, 0.75);
        const x = plot.x(at) - width / 2;
        return [drawn("rect", { class: `bar-piece colour-${colour}`, x, y: bottom - height, width, height, rx: Math.min(2, width / 4) })];
      });
    });
  });
}

export function curves(figure, { labels, series, format, title }) {
  const most = Math.max(...series.flatMap(({ values }) => values.map((value) => value ?? 0)), 0);
  frame(figure, { labels, series, format, title, most }, (plot) =>
    series.flatMap(({ values, colour }) => [
      drawn("path", { class: `curve colour-${colour}`, d: path(values, plot) }),
      ...lonely(values).map((at) =>
        drawn("circle", { class: `point colour-${colour}`, cx: plot.x(at), cy: plot.y(values[at]), r: 3 }),
      ),
    ]),
  );
}

export function legend(place, series) {
  place.replaceChildren(
    ...series.map(({ name, colour }) =>
      element("span", { title: name }, element("i", { class: `colour-${colour}` }), element("b", {}, name)),
    ),
  );
}

function frame(figure, { labels, series, format, title, most, total }, draw) {
  const width = figure.clientWidth;
  const height = figure.clientHeight;
  if (width < 2 * ROOM.left) {
    return; // it is not shown
  }
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  figure.replaceChildren(svg);
  if (most <= 0) {
    svg.append(drawn("text", { class: "empty", x: width / 2, y: height / 2, "text-anchor": "middle" }, "Nothing yet"));
    return;
  }
  const top = ceiling(most);
  const y = (value) => ROOM.top + (height - ROOM.top - ROOM.bottom) * (1 - value / top);
  const marks = Array.from({ length: RULES + 1 }, (_, rule) => {
    const value = (top * rule) / RULES;
    const at = Math.round(y(value)) + 0.5;
    return { at, text: drawn("text", { y: at + 4, "text-anchor": "end" }, value ? format(value) : "0") };
  });
  svg.append(...marks.map(({ text }) => text));
  const left = Math.max(ROOM.left, ...marks.map(({ text }) => text.getComputedTextLength() + GAP));
  for (const { at, text } of marks) {
    text.setAttribute("x", left - GAP);
    svg.append(drawn("line", { class: "rule", x1: left, x2: width - ROOM.right, y1: at, y2: at }));
  }
  const step = (width - left - ROOM.right) / labels.length;
  const plot = { left, step, x: (at) => left + step * (at + 0.5), y };
  const every = Math.max(1, Math.ceil(LABEL_WIDTH / step));
  labels.forEach((label, at) => {
    if ((labels.length - 1 - at) % every === 0 && plot.x(at) > left + GAP) {
      const x = Math.min(plot.x(at), width - LAST_LABEL);
      svg.append(drawn("text", { x, y: height - 4, "text-anchor": "middle" }, piece(label)));
    }
  });
  svg.append(...draw(plot));
  explain(figure, svg, { labels, series, format, plot, total, height, width });
}

/** What stands where the pointer is. */
function explain(figure, svg, { labels, series, format, plot, total, height, width }) {
  const band = drawn("rect", { class: "band", y: ROOM.top, width: plot.step, height: height - ROOM.top - ROOM.bottom });
  const tip = element("div", { class: "tip", hidden: true });
  svg.append(band);
  figure.append(tip);
  figure.onpointermove = (event) => {
    const at = Math.floor((event.clientX - figure.getBoundingClientRect().left - plot.left) / plot.step);
    if (at < 0 || at >= labels.length) {
      figure.onpointerleave();
      return;
    }
    band.setAttribute("x", plot.left + at * plot.step);
    band.classList.add("here");
    const rows = series.filter(({ values }) => values[at] != null && (!total || values[at] > 0));
    tip.replaceChildren(
      element("strong", {}, piece(labels[at])),
      ...rows.map(({ name, values, colour }) => line(name, format(values[at]), colour)),
      total && rows.length !== 1 ? line("all", format(total[at])) : "",
    );
    tip.hidden = false;
    const left = plot.x(at) + plot.step / 2 + 8;
    tip.style.left = `${left + tip.offsetWidth > width ? Math.max(0, plot.x(at) - plot.step / 2 - 8 - tip.offsetWidth) : left}px`;
  };
  figure.onpointerleave = () => {
    band.classList.remove("here");
    tip.hidden = true;
  };
}

function line(name, value, colour) {
  const mark = colour ? element("i", { class: `colour-${colour}` }) : null;
  return element("div", {}, mark, element("span", {}, name), element("b", {}, value));
}

/** Values beside nothing, which no line would show. */
function lonely(values) {
  return values.flatMap((value, at) =>
    value != null && values[at - 1] == null && values[at + 1] == null ? [at] : [],
  );
}

function path(values, plot) {
  let pen = "M";
  return values
    .map((value, at) => {
      if (value == null) {
        pen = "M";
        return "";
      }
      const said = `${pen}${plot.x(at).toFixed(1)} ${plot.y(value).toFixed(1)}`;
      pen = "L";
      return said;
    })
    .join("");
}

/** The next round number, of which a quarter is whole where it is small. */
function ceiling(value) {
  if (value <= 3 * RULES) {
    return Math.ceil(value / RULES) * RULES;
  }
  const power = 10 ** Math.floor(Math.log10(value));
  return [1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10].find((step) => step * power >= value) * power;
}

function sum(values) {
  return values.reduce((all, value) => all + (value ?? 0), 0);
}
