// Before the first paint, so that no page flashes in the other theme: what the user chose, else what the system says.
const chosen = localStorage.getItem("theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
