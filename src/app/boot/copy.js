// Runs right behind the page: copies it before anything else changes it.
const pristine = document.getElementById("app").cloneNode(true);
