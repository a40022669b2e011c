// Sorting of tables, the switch between light and dark, and folded parts on paper.
function sortable(table) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const first = [...body.rows];
  heads.forEach((head, column) => {
    const descending = head.dataset.order === "descending";
    const press = html("button", "sort");
    press.type = "button";
    press.append(...head.childNodes);
    press.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : descending;
      for (const one of heads) one.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...sorted(first, column, down));
    });
    head.append(press);
  });
}

function sorted(rows, column, down) {
  const of = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const compare = (a, b) => (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
  return [...rows].sort((one, other) => {
    const a = of(one), b = of(other);
    if (a === "" || b === "") return (a === "") - (b === ""); // what was not measured comes last, either way
    return down ? compare(b, a) : compare(a, b);
  });
}

function themes() {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const press = button("", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    name();
  });
  const name = () => (press.textContent = isDark() ? "Light page" : "Dark page");
  press.id = "theme";
  name();
  dark.addEventListener("change", name);
  document.querySelector("header").prepend(press);
}

for (const table of document.querySelectorAll("table.sortable")) sortable(table);
themes();
let folded = [];
addEventListener("beforeprint", () => (folded = [...document.querySelectorAll("details:not([open])")]).forEach((one) => (one.open = true)));
addEventListener("afterprint", () => folded.forEach((one) => (one.open = false)));
