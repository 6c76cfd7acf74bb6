// Applies what the reader chose before the page is drawn, and keeps a new choice for all pages. It runs in the head.
// A page reads a choice from the attributes of its root.
const CHOICES = ["theme", "density", "keys", "notify"];

/** Shows a choice: in the root's attribute, and in its control. An empty one is the default. */
function showChoice(name, choice) {
  const root = document.documentElement;
  if (choice) root.dataset[name] = choice;
  else delete root.dataset[name];
  const control = document.getElementById(`choose-${name}`);
  if (control) control.value = choice;
}

// Chrome on Android has notifications of service workers only, and plain http has none.
const CAN_NOTIFY = isSecureContext && "Notification" in globalThis && !/Android/.test(navigator.userAgent);

function showChoices() {
  for (const name of CHOICES) {
    try {
      const choice = localStorage.getItem(name) ?? "";
      // The reader may have withdrawn the permission after the choice.
      showChoice(name, name !== "notify" || (CAN_NOTIFY && Notification.permission === "granted") ? choice : "");
    } catch {
      // The browser keeps nothing for this page.
    }
  }
}

function choose(name, choice) {
  showChoice(name, choice);
  try {
    localStorage.setItem(name, choice);
  } catch {
    // It holds for this page alone.
  }
}

addEventListener("change", async ({ target }) => {
  const name = CHOICES.find((known) => target.id === `choose-${known}`);
  if (!name) return;
  const isRefused = name === "notify" && target.value && (await Notification.requestPermission()) !== "granted";
  choose(name, isRefused ? "" : target.value);
});
addEventListener("storage", showChoices); // another window has changed it
// Another page may have changed one while this page was in the back/forward cache.
addEventListener("pageshow", ({ persisted }) => persisted && showChoices());
addEventListener("DOMContentLoaded", () => {
  showChoices();
  const notify = document.getElementById("notify");
  if (notify) notify.hidden = !CAN_NOTIFY;
});
showChoices();
