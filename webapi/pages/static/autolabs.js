// Live pages, copying, and comfort in the editor. Every page works without it; then it reloads by itself.
"use strict";

document.documentElement.classList.add("scripted");

// --- A run that goes on: each event changes one line, the end fetches the page anew.

const say = document.querySelector("[data-say]");
let source, fetching, due = Infinity, spoken = 0;
// Grows with each event that is shown and each page that is fetched.
let news = 0;

function follow() {
  const live = document.getElementById("live");
  source?.close();
  if (!live?.dataset.events) return;
  source = new EventSource(live.dataset.events);
  source.addEventListener("progress", (event) => show(live, JSON.parse(event.data)));
  // Not all open pages at the same moment.
  source.addEventListener("message", () => refreshSoon(150 + 2000 * Math.random()));
  source.addEventListener("state", (event) => {
    if (JSON.parse(event.data).state !== live.dataset.state) refreshSoon();
    live.dataset.state = JSON.parse(event.data).state;
  });
  source.onerror = () => source.readyState === EventSource.CLOSED && refreshSoon(3000);
}

function show(live, progress) {
  news += 1;
  const line = live.querySelector(`[data-instance="${CSS.escape(progress.instance)}"]`);
  const state = document.querySelector(`[data-template="${CSS.escape(progress.state)}"]`);
  if (line && state) {
    line.className = `student is-${progress.state}`;
    line.querySelector("[data-state]").replaceChildren(state.content.cloneNode(true));
    line.querySelector("[data-reason]").textContent = progress.reason;
    line.querySelector("[data-ways]").replaceChildren(...progress.connections.map((one) => wayIn(one, line)));
    // Whose is whose in a group is in the page.
    if (progress.connections.length > 1 && "shared" in line.dataset) refreshSoon(1000);
  }
  const bar = live.querySelector("progress");
  const count = live.querySelector("[data-count]");
  if (!bar || !count) return;
  bar.max = progress.total;
  bar.value = progress.done;
  count.textContent = live.dataset.counted.replace("DONE", progress.done).replace("TOTAL", progress.total);
  if (Date.now() - spoken > 5000) tell(count.textContent);
}

function wayIn(connection, line) {
  const kind = connection.kind === "http" ? "link" : "text";
  const way = document.querySelector(`[data-way="${kind}"]`).content.cloneNode(true);
  way.querySelector("code").textContent = way.querySelector("button").dataset.copy = connection.address;
  way.querySelector("[data-whose]").textContent = ` ${line.dataset.name}`;
  if (kind === "link") way.querySelector("a").href = connection.address;
  return way;
}

function tell(text) {
  spoken = Date.now();
  if (say) say.textContent = text;
}

// Of several wishes the earliest counts.
function refreshSoon(delay = 150) {
  if (Date.now() + delay >= due) return;
  due = Date.now() + delay;
  clearTimeout(fetching);
  fetching = setTimeout(refresh, delay);
}

async function refresh() {
  const asked = (news += 1);
  due = Infinity;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    const old = document.getElementById("live");
    if (!answer.ok || !fresh) throw new Error(answer.status);
    // What came meanwhile may be newer than this page.
    if (news !== asked) return refreshSoon(1000);
    const unchanged = fresh.dataset.events === old.dataset.events;
    fresh.dataset.state = old.dataset.state;
    const focused = takeOver(old, fresh);
    if (unchanged) old.replaceChildren(...fresh.childNodes);
    else old.replaceWith(fresh);
    focused?.focus({ preventScroll: true });
    document.title = page.title;
    if (!unchanged) tell(document.querySelector(".count")?.textContent ?? "");
    if (!unchanged || source?.readyState === EventSource.CLOSED) follow();
  } catch {
    refreshSoon(3000);
  }
}

// Opens in the fresh page what is open in the old one; what is to have the focus there.
function takeOver(old, fresh) {
  const name = (one) => {
    const known = one.getAttribute("aria-label") ?? one.dataset.copy ?? one.textContent.trim();
    return [one.closest("[data-instance]")?.dataset.instance, one.tagName, known].join();
  };
  const open = Array.from(old.querySelectorAll("details[open] > summary"), name);
  const focused = old.contains(document.activeElement) && name(document.activeElement);
  const all = [...fresh.querySelectorAll("a, button, summary, [tabindex]")];
  for (const one of all) if (open.includes(name(one))) one.parentElement.open = true;
  return all.find((one) => name(one) === focused);
}

follow();
// In another tab somebody may have begun something.
document.addEventListener("visibilitychange", () => document.hidden || !document.getElementById("live") || refreshSoon());

// --- Copying and printing.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-print]")) print();
  if (!button?.dataset.copy) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const word = button.firstElementChild;
  const before = word.textContent;
  word.textContent = button.dataset.copied;
  tell(button.dataset.copied);
  setTimeout(() => (word.textContent = before), 2000);
});

// --- The editor of lab configs: numbers for new lines, and from a mistake to its line.

const gutter = document.querySelector("[data-gutter]");
const editor = gutter && document.getElementById(gutter.dataset.gutter);

editor?.addEventListener("input", () => {
  for (let rows = editor.rows; rows < editor.value.split("\n").length + 5; rows = editor.rows) {
    editor.rows = rows + 1;
    gutter.append(`${rows + 1}\n`);
  }
});

for (const link of document.querySelectorAll("[data-line]")) {
  link.addEventListener("click", (event) => {
    const text = document.getElementById(link.hash.slice(1));
    if (text?.tagName !== "TEXTAREA") return;
    event.preventDefault();
    const lines = text.value.split("\n");
    const start = lines.slice(0, link.dataset.line - 1).join("\n").length + (link.dataset.line > 1);
    text.focus();
    text.setSelectionRange(start, start + (lines[link.dataset.line - 1]?.length ?? 0));
  });
}
