// Copies the page. It runs right after the page's last element, so that little can have changed the page before.
const pristine = document.getElementById("app").cloneNode(true);
