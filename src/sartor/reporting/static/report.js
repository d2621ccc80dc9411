// Makes the page easier on a screen: theme, search, filter, sort, opening what a link points to. The page is whole without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const toggle = one("#theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => {
    one("span", toggle).textContent = dark() ? toggle.dataset.light : toggle.dataset.dark;
  };
  try { root.dataset.theme = localStorage.getItem("sartor-theme") || ""; } catch { /* storage may be closed to files */ }
  if (!root.dataset.theme) delete root.dataset.theme;
  if (toggle) {
    toggle.hidden = false;
    label();
    toggle.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem("sartor-theme", root.dataset.theme); } catch { /* as above */ }
      label();
    });
  }
  const printer = one("#print");
  if (printer) { printer.hidden = false; printer.addEventListener("click", () => print()); }

  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const row = target.closest("tr");
    if (row) row.hidden = false;
    for (const box of [target.closest("details"), one("details", target)]) if (box) box.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();

  const opened = [];
  addEventListener("beforeprint", () => {
    for (const box of all("details:not([open])")) { box.open = true; opened.push(box); }
  });
  addEventListener("afterprint", () => { while (opened.length) opened.pop().open = false; });

  const table = one("#drug-table");
  const form = one("#filter");
  if (table && form) {
    const body = one("tbody", table);
    const rows = all("tr", body);
    const shown = one("#shown");
    const empty = one("#none-found");
    const apply = () => {
      const words = one("input[type=search]", form).value.toLowerCase().split(/\s+/).filter(Boolean);
      const levels = new Set(all("input[type=checkbox]:checked", form).map((box) => box.value));
      let n = 0;
      for (const row of rows) {
        const fits = levels.has(row.dataset.level) && words.every((word) => row.dataset.find.includes(word));
        row.hidden = !fits;
        n += fits;
      }
      shown.textContent = (n === 1 ? shown.dataset.one : shown.dataset.many).replace("#", n);
      empty.hidden = n > 0;
    };
    form.hidden = false;
    shown.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
    for (const heading of all("th[data-sort]", table)) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = heading.textContent;
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = heading.getAttribute("aria-sort") !== "ascending";
        for (const other of all("th[data-sort]", table)) other.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = heading.dataset.sort;
        const order = (a, b) => a.dataset[key].localeCompare(b.dataset[key], undefined, { numeric: true });
        body.append(...rows.sort((a, b) => (up ? order(a, b) : order(b, a))));
      });
    }
  }

  const links = new Map(all(".bar nav a").map((link) => [link.hash.slice(1), link]));
  if (links.size && "IntersectionObserver" in window) {
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) {
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(entry.target.id)?.setAttribute("aria-current", "true");
      }
    }, { rootMargin: "-20% 0px -70% 0px" });
    for (const id of links.keys()) { const part = document.getElementById(id); if (part) watch.observe(part); }
  }
})();
