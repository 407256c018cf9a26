// Logs in, with the password that is typed or with the link that led here.

const home = location.pathname;
const form = document.querySelector("#login");
const trouble = document.querySelector("#trouble");

async function logIn(said) {
  trouble.hidden = true;
  const answer = await fetch(`${home}/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(said),
  }).catch(() => null);
  if (answer?.ok) {
    location.replace(home);
    return;
  }
  const error = await answer?.json().catch(() => null);
  trouble.textContent = sentence(error?.error?.message ?? "the proxy does not answer");
  trouble.hidden = false;
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const password = form.querySelector("#password");
  button.disabled = true;
  await logIn({ password: password.value });
  button.disabled = false;
  password.select();
});

const link = location.hash.slice(1);
if (link) {
  history.replaceState(null, "", location.pathname); // it is of no use in the history
  if (!form) {
    logIn({ link });
  }
}
