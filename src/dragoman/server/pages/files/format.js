// Numbers and times as people read them.

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const moment = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const count = (number) => whole.format(number ?? 0);

export const compact = (number) => ((number ?? 0) < 10_000 ? whole.format(number ?? 0) : short.format(number));

export const share = (part) => (part == null ? "–" : `${(part * 100).toFixed(part < 0.1 && part > 0 ? 1 : 0)} %`);

export function duration(milliseconds) {
  if (milliseconds == null) {
    return "–";
  }
  if (milliseconds < 1000) {
    return `${Math.round(milliseconds)} ms`;
  }
  const seconds = milliseconds / 1000;
  if (seconds < 100) {
    return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? both(`${minutes} min`, Math.floor(seconds % 60), "s")
    : both(`${Math.floor(minutes / 60)} h`, minutes % 60, "min");
}

const both = (large, rest, unit) => (rest ? `${large} ${rest} ${unit}` : large);

export function bytes(number) {
  const units = ["B", "kB", "MB", "GB"];
  let value = number ?? 0;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Of a day "2026-11-27" or an hour "2026-11-27T14:00+0100". */
export const piece = (name) => (name.includes("T") ? name.slice(11, 16) : day.format(new Date(`${name}T00:00Z`)));

export const when = (milliseconds) => (milliseconds == null ? "–" : moment.format(new Date(milliseconds)));

export const now = () => clock.format(new Date());
