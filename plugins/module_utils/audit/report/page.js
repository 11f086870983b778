"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const why = document.getElementById("why");
  const table = document.querySelector(".matrix");
  if (!table) return;
  const cells = new Map(data.matrix.map((cell) => [cell.from + ">" + cell.to, cell]));
  const named = new Map(data.endpoints.map((one) => [one.name, one]));
  const rows = [...table.querySelectorAll("tbody tr:not(.zone)")].map((row) => [...row.querySelectorAll("button")]);
  const words = {allowed: "allowed", denied: "denied", undecided: "undecided", differs: "differs", open: "not filtered"};

  // Texts come from files and clusters, so they are only ever text.
  const make = (tag, name, ...children) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    for (const child of children) if (child !== "" && child != null) element.append(child);
    return element;
  };
  const tag = (answer, text) => make("span", "tag " + answer, text || words[answer]);

  const step = (one) => {
    const what = make("div", "", make("b", "", one.where), " ", one.answer === "" ? "" : words[one.answer] || one.answer);
    const item = make("li", "s-" + one.answer, what);
    if (one.rule) item.append(make("small", "mono", one.rule));
    if (one.flow) item.append(make("small", "", "flow " + one.flow));
    if (one.why) item.append(make("small", "", one.why));
    return item;
  };

  const line = (one, cell) => {
    const ports = one.ports.length ? one.ports.join(", ") : cell.lines.length > 1 ? "every other port" : "every port";
    const top = make("p", "top", make("code", "", ports));
    if (one.live === "" || one.live === one.catalogue) {
      top.append(tag(cell.answer === "open" ? "open" : one.catalogue));
    } else {
      top.append(tag(one.catalogue, "catalogue: " + one.catalogue));
      top.append(tag(one.live === "undecided" ? "undecided" : "differs", "live: " + one.live));
    }
    const box = make("div", "line", top);
    if (one.flows.length) box.append(make("p", "", "Flow ", make("code", "", one.flows.join(", "))));
    if (one.why) box.append(make("p", "", one.why));
    if (one.reference.length) box.append(make("p", "ref", "Document " + one.reference.join("; ")));
    for (const text of one.assumptions) box.append(make("p", "ref", (one.live === "" ? "" : "It depends: ") + text));
    if (one.steps.length) box.append(make("ol", "steps", ...one.steps.map(step)));
    else if (one.live === "" && cell.answer !== "open" && !one.assumptions.length) box.append(make("p", "ref", "Nobody was asked about it."));
    return box;
  };

  let chosen = null;
  const choose = (button, remember) => {
    const cell = cells.get(button.dataset.cell);
    const [from, to] = [named.get(cell.from), named.get(cell.to)];
    if (chosen) chosen.setAttribute("aria-pressed", "false");
    chosen = button;
    button.setAttribute("aria-pressed", "true");
    table.querySelectorAll(".on").forEach((head) => head.classList.remove("on"));
    for (const head of table.querySelectorAll("th[data-name]")) {
      const is = head.scope === "row" ? cell.from : cell.to;
      if (head.dataset.name === is) head.classList.add("on");
    }
    const about = [from.title + ": " + (from.what || "—"), to.title + ": " + (to.what || "—")];
    why.replaceChildren(
      make("h3", "", from.title, make("span", "", "→"), to.title),
      make("p", "where", about[0], document.createElement("br"), about[1]),
    );
    if (cell.answer === "open" && !cell.lines.length) {
      why.append(make("p", "line", "No firewall of the site stands between the two."));
    }
    cell.lines.forEach((one) => why.append(line(one, cell)));
    if (remember) history.replaceState(null, "", "#" + button.dataset.cell);
    focusable(button);
  };

  let current = null;
  const focusable = (button) => {
    if (current) current.tabIndex = -1;
    current = button;
    button.tabIndex = 0;
  };
  const find = (key) => rows.flat().find((button) => button.dataset.cell === key);

  table.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) choose(button, true);
  });
  table.addEventListener("keydown", (event) => {
    const row = rows.findIndex((one) => one.includes(event.target));
    if (row < 0) return;
    const column = rows[row].indexOf(event.target);
    const last = rows[row].length - 1;
    const to = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1], Home: [row, 0], End: [row, last],
    }[event.key];
    if (!to) return;
    event.preventDefault();
    const next = (rows[to[0]] || [])[to[1]];
    if (next) { focusable(next); next.focus(); }
  });
  document.addEventListener("click", (event) => {
    const show = event.target.closest(".show");
    const button = show && find(show.dataset.cell);
    if (button) {
      choose(button, true);
      button.scrollIntoView({block: "center", inline: "center"});
      button.focus({preventScroll: true});
    }
  });

  const first = find(decodeURIComponent(location.hash.slice(1)))
    || ["differs", "undecided", "allowed"].map((answer) => table.querySelector("button." + answer)).find(Boolean)
    || rows[0][0];
  if (first) choose(first, false);
})();
