// The page of all runs: a card per run or sweep. Its data is in the page, or comes from the server that sent it,
// which is then asked again for what has changed.
(function () {
  "use strict";
  const { byId, counted, make } = window.vgpipeElements;
  const runCard = window.vgpipeRunCard;
  const sweepCard = window.vgpipeSweepCard;
  const { STATES, haystack, found, dayName } = window.vgpipeRunFilters;
  const { copy } = window.vgpipeCopy;
  const LIVE_MS = 2000; // while a run renders
  const IDLE_MS = 10000;
  const FILES_DATA = window.vgpipeRuns; // undefined where a server has it
  const grid = byId("runs");
  const entries = new Map(); // folder -> {run, text, element}
  const sweeps = new Map(); // folder of a sweep -> its element
  const wanted = { state: null, model: "", words: [], sort: "newest" };
  let version = "";
  let order = [];
  let comparisons = new Set();
  let timer = 0;

  // ---- data

  async function load() {
    clearTimeout(timer);
    try {
      const answer = await fetch(`runs.json?since=${encodeURIComponent(version)}`, { cache: "no-store" });
      if (answer.status === 403) return location.reload(); // the server wants its token
      if (!answer.ok) throw new Error(answer.statusText);
      apply(await answer.json());
    } catch (error) {
      byId("status").textContent = "the server does not answer: it was stopped, or is out of reach";
    }
    if (!document.hidden) timer = setTimeout(load, isLive() ? LIVE_MS : IDLE_MS);
  }

  const isLive = () => [...entries.values()].some(({ run }) => run.is_active);

  function apply(data) {
    version = data.version;
    for (const run of data.runs) update(run);
    const kept = new Set(data.order);
    for (const folder of entries.keys()) if (!kept.has(folder)) entries.delete(folder);
    order = data.order;
    comparisons = new Set(data.comparisons || []);
    showStates();
    showModels();
    refresh();
    document.documentElement.dataset.ready = "yes";
  }

  function update(run) {
    const entry = entries.get(run.folder) || { element: cardElement() };
    Object.assign(entry, { run, text: haystack(run) });
    entry.element.refill = () => runCard.fill(entry.element, entry.run, copy);
    entries.set(run.folder, entry);
    if (entry.element.isNear) entry.element.refill();
  }

  // ---- cards, filled only near the visible part of the page

  const watcher = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        target.isNear = isIntersecting;
        if (isIntersecting) target.refill();
      }
    },
    { rootMargin: "800px" },
  );

  function cardElement() {
    const element = make("article", "run");
    watcher.observe(element);
    return element;
  }

  function sweepElement(sweep, runs) {
    const element = sweeps.get(sweep) || cardElement();
    sweeps.set(sweep, element);
    element.refill = () => sweepCard.fill(element, sweep, runs, comparisons.has(sweep));
    if (element.isNear) element.refill();
    return element;
  }

  // Runs of a sweep become one card, at the place of the first of them.
  function cards(shown) {
    const ofSweep = new Map();
    for (const { run } of shown) if (run.sweep) ofSweep.set(run.sweep, [...(ofSweep.get(run.sweep) || []), run]);
    const cards = new Map(); // element -> its first run
    for (const { run, element } of shown) {
      const runs = run.sweep ? ofSweep.get(run.sweep) : [];
      const own = runs.length > 1 ? sweepElement(run.sweep, runs) : element;
      if (!cards.has(own)) cards.set(own, run);
    }
    return cards;
  }

  function withDays(cards) {
    const elements = [];
    let day = null;
    for (const [element, run] of cards) {
      if (dayName(run) !== day) elements.push(make("h2", "day", (day = dayName(run))));
      elements.push(element);
    }
    return elements;
  }

  // ---- filters

  function refresh() {
    const shown = found(order.map((folder) => entries.get(folder)).filter(Boolean), wanted);
    const byTime = wanted.sort === "newest" || wanted.sort === "oldest";
    const elements = byTime ? withDays(cards(shown)) : [...cards(shown).keys()];
    const isSame = (one, at) => one === grid.children[at] || (one.className === "day" && grid.children[at] && one.textContent === grid.children[at].textContent);
    if (elements.length !== grid.children.length || !elements.every(isSame)) grid.replaceChildren(...elements);
    const all = counted(entries.size, "run");
    byId("count").textContent = shown.length === entries.size ? "" : `${shown.length} of ${all}`;
    byId("empty").hidden = shown.length > 0;
    byId("empty").textContent = entries.size ? "No run matches." : "There is no run in this folder yet.";
    const live = [...entries.values()].filter(({ run }) => run.state === "rendering").length;
    const parts = [all, live && `${live} rendering`, FILES_DATA && `as of ${new Date(FILES_DATA.written * 1000).toLocaleString()}`];
    byId("status").textContent = parts.filter(Boolean).join(" \u00b7 ");
  }

  function showStates() {
    const counts = STATES.map((state) => [state, order.filter((folder) => entries.get(folder).run.state === state).length]);
    const buttons = counts.filter(([state, count]) => count || state === wanted.state).map(([state, count]) => {
      const button = make("button", "", `${state} ${count}`);
      button.type = "button";
      button.setAttribute("aria-pressed", String(wanted.state === state));
      button.addEventListener("click", () => {
        wanted.state = wanted.state === state ? null : state;
        showStates();
        refresh();
      });
      return button;
    });
    const had = byId("states").contains(document.activeElement) && document.activeElement.textContent.split(" ")[0];
    byId("states").replaceChildren(...buttons);
    const again = buttons.find((button) => had && button.textContent.startsWith(`${had} `));
    if (again) again.focus();
  }

  function showModels() {
    const names = [...new Set([...entries.values()].map(({ run }) => run.model).filter(Boolean))].sort();
    const select = byId("model");
    byId("models").hidden = names.length < 2;
    if (JSON.stringify(names) === select.dataset.names) return;
    select.dataset.names = JSON.stringify(names);
    const options = ["", ...names].map((name) => {
      const option = make("option", "", name || "all");
      option.value = name;
      return option;
    });
    select.replaceChildren(...options);
    if (!names.includes(wanted.model)) wanted.model = "";
    select.value = wanted.model;
  }

  byId("search").addEventListener("input", (event) => {
    wanted.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    refresh();
  });
  for (const name of ["model", "sort"]) {
    byId(name).addEventListener("change", (event) => {
      wanted[name] = event.target.value;
      refresh();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select")) return;
    event.preventDefault();
    byId("search").focus();
  });
  window.vgpipeTheme.followTheme(byId("theme"), () => {});
  if (FILES_DATA) {
    apply(FILES_DATA);
  } else {
    document.addEventListener("visibilitychange", () => document.hidden || load());
    load();
  }
})();
