// What the parts of the administration have in common: asking the proxy, and asking the person.

import { element } from "./elements.js";

export const place = (id) => document.getElementById(id);

let isLeaving = false;

/** What the proxy says to this; with `said` it is told something, else asked. Who would lose by being led to the login
 * what he has written can stay, and log in elsewhere.
 */
export async function told(path, said) {
  const how = said && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(said) };
  const answer = await fetch(`/admin/${path}`, how).catch(() => null);
  if (answer?.status === 401) {
    if (!isLeaving) {
      isLeaving = true;
      location.reload(); // to the login
    }
    throw new Error("You are no longer logged in: log in again in another window, and go on here.");
  }
  isLeaving = false;
  const heard = await answer?.json().catch(() => null);
  if (!answer?.ok) {
    throw new Error(heard?.error?.message ?? "The proxy does not answer.");
  }
  return heard;
}

/** One line of what is wrong, or worth knowing. */
export function finding({ level, line, path, message }) {
  const where = [line && `line ${line}`, path].filter(Boolean).join(", ");
  return element("li", { class: level === "error" ? "bad-text" : null }, where ? `${where}: ${message}` : message);
}

/** Ask for a yes, and say which. */
export function sure({ title, about, yes }) {
  place("sure-title").textContent = title;
  place("sure-about").textContent = about;
  place("sure-yes").textContent = yes;
  const dialog = place("sure-dialog");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Show a form and keep it open until what it says is done, or the person has thought better of it. */
export function form(dialog, act) {
  const made = dialog.querySelector("form");
  const trouble = made.querySelector("[data-trouble]");
  made.addEventListener("submit", async (event) => {
    trouble.hidden = true;
    if (event.submitter?.value === "cancel") {
      return;
    }
    event.preventDefault();
    event.submitter.disabled = true;
    try {
      await act(Object.fromEntries(new FormData(made)));
      dialog.close();
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
    event.submitter.disabled = false;
  });
  return () => {
    trouble.hidden = true;
    made.reset();
    dialog.showModal();
  };
}

/** A button that does something, and cannot be pressed twice meanwhile. */
export function button(text, { title, kind, id }, act) {
  const made = element("button", { type: "button", class: kind, title, "data-id": id }, text);
  made.addEventListener("click", async () => {
    made.disabled = true;
    await act();
    made.disabled = false;
  });
  return made;
}

/** Put in place what is there now. Who was at something stays at it. */
export function replace(where, ...children) {
  const at = where.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  where.replaceChildren(...children);
  if (at) {
    where.querySelector(`[data-id="${CSS.escape(at)}"]`)?.focus();
  }
}
