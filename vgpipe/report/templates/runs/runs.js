// The page of all runs: loads runs.json, shows a card per run, and asks again for what has changed.
(function () {
  "use strict";
  const { byId, counted, make } = window.vgpipeElements;
  const { fill } = window.vgpipeRunCard;
  const { copy } = window.vgpipeCopy;
  const LIVE_MS = 2000; // while a run renders
  const IDLE_MS = 10000;
  const STATES = ["rendering", "paused", "done", "drafted", "failed", "stopped", "interrupted"];
  const grid = byId("runs");
  const entries = new Map(); // folder -> {run, text, element}
  const wanted = { state: null, words: [] };
  let version = "";
  let order = [];
  let timer = 0;

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
    showStates();
    refresh();
    document.documentElement.dataset.ready = "yes";
  }

  function update(run) {
    const entry = entries.get(run.folder) || { element: make("article", "run") };
    Object.assign(entry, { run, text: [run.job, run.folder, run.model, run.state].join("\n").toLowerCase() });
    entries.set(run.folder, entry);
    fill(entry.element, run, copy);
  }

  function matches({ run, text }) {
    return (!wanted.state || run.state === wanted.state) && wanted.words.every((word) => text.includes(word));
  }

  function refresh() {
    const found = order.map((folder) => entries.get(folder)).filter((entry) => entry && matches(entry));
    const elements = found.map(({ element }) => element);
    const isSame = elements.length === grid.children.length && elements.every((one, at) => one === grid.children[at]);
    if (!isSame) grid.replaceChildren(...elements);
    const all = counted(entries.size, "run");
    byId("count").textContent = found.length === entries.size ? "" : `${found.length} of ${all}`;
    byId("empty").hidden = found.length > 0;
    byId("empty").textContent = entries.size ? "No run matches." : "There is no run in this folder yet.";
    const live = [...entries.values()].filter(({ run }) => run.state === "rendering").length;
    byId("status").textContent = live ? `${all} \u00b7 ${live} rendering` : all;
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
    byId("states").replaceChildren(...buttons);
  }

  byId("search").addEventListener("input", (event) => {
    wanted.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    refresh();
  });
  document.addEventListener("visibilitychange", () => document.hidden || load());
  window.vgpipeTheme.followTheme(byId("theme"), () => {});
  load();
})();
