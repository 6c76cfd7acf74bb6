// Applies what the reader chose before the page is drawn, and keeps a new choice for all pages. It runs in the head. The page
// itself reads a choice from the attributes of its root.
const CHOICES = ["theme", "density", "keys", "notify"];

/** Shows a choice: in the root's attribute, and in its control. An empty one is the default. */
function showChoice(name, choice) {
  const root = document.documentElement;
  if (choice) root.dataset[name] = choice;
  else delete root.dataset[name];
  const control = document.getElementById(`choose-${name}`);
  if (control) control.value = choice;
}

function showChoices() {
  for (const name of CHOICES) {
    try {
      showChoice(name, localStorage.getItem(name) ?? "");
    } catch {
      // The browser keeps nothing for this page.
    }
  }
}

addEventListener("change", ({ target }) => {
  const name = CHOICES.find((choice) => target.id === `choose-${choice}`);
  if (!name) return;
  showChoice(name, target.value);
  try {
    localStorage.setItem(name, target.value);
  } catch {
    // It holds for this page alone.
  }
});
addEventListener("storage", showChoices); // another window has changed it
addEventListener("DOMContentLoaded", showChoices);
showChoices();
