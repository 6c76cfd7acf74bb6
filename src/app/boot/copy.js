// Runs right behind the page: copies it before anything else changes it.
const pristine = document.currentScript.previousElementSibling.cloneNode(true);
