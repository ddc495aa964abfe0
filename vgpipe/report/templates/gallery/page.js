// The page: shows the clips of the run, those that are looked for, and what is picked.
(function () {
  "use strict";
  const { byId, counted } = window.vgpipeElements;
  const cards = window.vgpipeCards;
  const current = window.vgpipeCurrent;
  const head = window.vgpipeHead;
  const layout = window.vgpipeLayout;
  const marks = window.vgpipeMarks;
  const picking = window.vgpipePicks;
  const playing = window.vgpipePlaying;
  const viewer = window.vgpipeViewer;
  const { facetsOf, haystack, found, counts } = window.vgpipeFilters;
  const SEARCH_MS = 80;
  const grid = byId("grid");
  const entries = new Map(); // clip id -> {clip, json, at, text, facets, element, isFilled, isNear}
  const wanted = { chosen: new Map(), words: [], sort: "job" };
  let report = null;
  let order = []; // the visible entries
  let lastPicked = null; // where a range of picks begins

  // ---- data

  // `isNew`: there are news of the clips, not only of what the run does.
  function apply(data, isNew) {
    const isFirst = report === null;
    report = data;
    if (isNew) {
      const seen = prompts();
      report.clips.forEach((clip, at) => update(clip, at, seen.get(clip.prompt) > 1));
      forgetMissing();
      head.show(report);
      marks.init(report);
      refresh();
      showPicks();
      showCharts();
      viewer.refresh();
    }
    head.showStatus(report);
    if (isFirst) start();
  }

  function start() {
    const { all, shown, cardOf, reveal } = window.vgpipeGallery;
    viewer.init({ clips: all, shown, cardOf, reveal, marks });
    document.documentElement.dataset.ready = "yes";
  }

  function forgetMissing() {
    const named = new Set(report.clips.map((clip) => clip.id));
    for (const [id, entry] of entries) {
      if (named.has(id)) continue;
      watcher.unobserve(entry.element);
      cards.unload(entry.element);
      entries.delete(id);
    }
  }

  function prompts() {
    const seen = new Map(); // prompt -> clips
    for (const { prompt } of report.clips) seen.set(prompt, (seen.get(prompt) || 0) + 1);
    return seen;
  }

  function update(clip, at, hasTwins) {
    const json = JSON.stringify([clip, hasTwins]);
    const known = entries.get(clip.id);
    if (known && known.json === json) return;
    const entry = known || { element: cards.empty(), isFilled: false, isNear: false };
    Object.assign(entry, { clip, hasTwins, json, at, text: haystack(clip), facets: facetsOf(clip) });
    cards.shape(entry.element, clip);
    if (!known) {
      entry.element.entry = entry;
      entries.set(clip.id, entry);
      watcher.observe(entry.element);
    }
    if (entry.isFilled) refill(entry);
  }

  function refill(entry) {
    cards.fill(entry.element, entry.clip, entry.hasTwins);
    entry.isFilled = true;
    if (entry.isNear) cards.load(entry.element);
    showMarks(entry);
  }

  function showMarks({ element, clip }) {
    cards.showMarks(element, marks.isPicked(clip.id), marks.isStarred(clip.id));
  }

  // Cards are filled, and videos opened, only near the visible part of the page.
  const watcher = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        const entry = target.entry;
        entry.isNear = isIntersecting;
        if (isIntersecting && !entry.isFilled) refill(entry);
        else if (isIntersecting) cards.load(target);
        else cards.unload(target);
      }
    },
    { rootMargin: "500px" },
  );

  // ---- filters and charts

  function refresh() {
    const next = found(entries.values(), wanted, marks);
    const isSame = next.length === order.length && next.every((entry, at) => entry === order[at]);
    if (!isSame) layout.keepingPlace(order.map((entry) => entry.element), () => showOrder(next));
    const all = counted(entries.size, "clip");
    byId("count").textContent = order.length === entries.size ? all : `${order.length} of ${all}`;
    byId("empty").hidden = order.length > 0;
    byId("empty").textContent = entries.size ? "No clip matches." : "There are no clips yet.";
    window.vgpipeChips.show(counts(entries.values(), wanted, marks), wanted.chosen, toggleFilter);
  }

  function showOrder(next) {
    order = next;
    grid.classList.toggle("some", order.length < entries.size); // so that the page gets no shorter than the window
    grid.replaceChildren(...order.map((entry) => entry.element));
    current.among(order);
    layout.changed();
    playing.changed();
  }

  function toggleFilter(group, value) {
    const values = wanted.chosen.get(group) || new Set();
    if (!values.delete(value)) values.add(value);
    if (values.size) wanted.chosen.set(group, values);
    else wanted.chosen.delete(group);
    refresh();
  }

  function showCharts() {
    if (report && byId("charts").open) window.vgpipeCharts.show(report);
  }

  // ---- picks

  function pickAll(some, isWanted) {
    for (const { clip } of some) marks.pick(clip.id, isWanted);
  }

  function pick(entry) {
    marks.pick(entry.clip.id);
    lastPicked = entry;
  }

  // Picks everything from what was picked last up to a clip.
  function pickTo(entry) {
    const from = order.indexOf(lastPicked);
    const to = order.indexOf(entry);
    pickAll(from < 0 ? [entry] : order.slice(Math.min(from, to), Math.max(from, to) + 1), true);
    lastPicked = entry;
  }

  // The bar at the bottom of the page.
  function showPicks() {
    picking.show(report);
  }

  function onMarks(ids) {
    if (!ids.size) return;
    for (const id of ids) if (entries.has(id)) showMarks(entries.get(id));
    showPicks();
    refresh();
  }

  let searchTimer = 0;
  function onSearch() {
    clearTimeout(searchTimer);
    searchTimer = setTimeout(() => {
      wanted.words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
      refresh();
    }, SEARCH_MS);
  }

  // ---- start

  // `isWanted`: false where the pointer leaves, which stops nothing while everything plays.
  const play = (entry, isWanted) => (isWanted === false && playing.isOn()) || cards.play(entry.element, isWanted);
  function open(entry, against) {
    playing.pause();
    play(entry, false);
    viewer.open(entry.clip.id, against ? { against: against.clip.id } : {});
  }

  // Side by side: the two that are picked, else the current clip and the next one, of its prompt where there is one.
  function compare() {
    const ids = marks.picked();
    const here = current.entry() || order[0];
    if (ids.length === 2) open(...ids.map((id) => entries.get(id)));
    else if (here) open(here, nextTo(here));
  }

  function nextTo(entry) {
    const at = order.indexOf(entry);
    const others = [...order.slice(at + 1), ...order.slice(0, at)];
    return others.find(({ clip }) => clip.prompt === entry.clip.prompt) || others[0];
  }

  window.vgpipeGallery = {
    shown: () => order.map((entry) => entry.clip),
    all: () => report.clips,
    clip: (id) => entries.get(id)?.clip,
    report: () => report,
    cardOf: (id) => entries.get(id)?.element,
    compare,
    reveal: (id) => current.show(entries.get(id)), // nothing where it is filtered out
  };
  const star = (entry) => marks.star(entry.clip.id);
  const pickShown = () => pickAll(order, true);
  const acts = { choose: current.choose, open: (entry) => open(entry), play, pick, pickTo, star, compare };
  const { move, moveRow, entry: currentEntry } = current;
  window.vgpipeIcons.fill(document);
  window.vgpipeKeys.followPointer(grid, acts);
  window.vgpipeKeys.followKeys({ ...acts, move, moveRow, current: currentEntry, pickShown, grow: layout.grow, playAll: playing.toggle });
  byId("search").addEventListener("input", onSearch);
  byId("sort").addEventListener("change", (event) => {
    wanted.sort = event.target.value;
    refresh();
  });
  byId("clear-filters").addEventListener("click", () => {
    wanted.chosen.clear();
    refresh();
  });
  byId("more").addEventListener("click", ({ currentTarget }) => {
    currentTarget.ariaExpanded = String(byId("toolbar").classList.toggle("open"));
  });
  byId("pick-shown").addEventListener("click", pickShown);
  byId("keys").addEventListener("click", () => byId("help").showModal());
  byId("charts").addEventListener("toggle", showCharts);
  window.addEventListener("resize", () => window.vgpipeCharts.resize());
  window.vgpipeTheme.followTheme(byId("theme"), showCharts);
  marks.onChange(onMarks);
  playing.follow();
  layout.follow();
  window.vgpipeData.follow(apply);
})();
