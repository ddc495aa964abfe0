// The page: shows the clips of the run, those that are looked for, and what is picked.
(function () {
  "use strict";
  const { byId, counted } = window.vgpipeElements;
  const cards = window.vgpipeCards;
  const head = window.vgpipeHead;
  const layout = window.vgpipeLayout;
  const marks = window.vgpipeMarks;
  const picking = window.vgpipePicks;
  const { facetsOf, haystack, found, counts } = window.vgpipeFilters;
  const SEARCH_MS = 80;
  const grid = byId("grid");
  const entries = new Map(); // clip id -> {clip, json, at, text, facets, element, isFilled, isNear}
  const wanted = { chosen: new Map(), words: [], sort: "job" };
  let report = null;
  let order = []; // the visible entries
  let current = -1;
  let lastPicked = null; // where a range of picks begins

  // ---- data

  // `isNew`: there are news of the clips, not only of what the run does.
  function apply(data, isNew) {
    const isFirst = report === null;
    report = data;
    if (isNew) {
      report.clips.forEach(update);
      forgetMissing();
      head.show(report);
      marks.init(report);
      refresh();
      showPicks();
      showCharts();
    }
    head.showStatus(report);
    if (isFirst) start();
  }

  function start() {
    if (window.vgpipeViewer && window.vgpipeViewer.init) {
      const { all, shown, cardOf } = window.vgpipeGallery;
      window.vgpipeViewer.init({ clips: all, shown, cardOf, marks });
    }
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

  function update(clip, at) {
    const json = JSON.stringify(clip);
    const known = entries.get(clip.id);
    if (known && known.json === json) return;
    const entry = known || { element: cards.empty(), isFilled: false, isNear: false };
    Object.assign(entry, { clip, json, at, text: haystack(clip), facets: facetsOf(clip) });
    cards.shape(entry.element, clip);
    if (!known) {
      entry.element.entry = entry;
      entries.set(clip.id, entry);
      watcher.observe(entry.element);
    }
    if (entry.isFilled) refill(entry);
  }

  function refill(entry) {
    cards.fill(entry.element, entry.clip);
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
    window.vgpipeChips.show(counts(entries.values(), wanted, marks), wanted.chosen, toggleFilter);
  }

  function showOrder(next) {
    const kept = current >= 0 ? order[current] : null;
    order = next;
    grid.classList.toggle("some", order.length < entries.size); // so that the page gets no shorter than the window
    grid.replaceChildren(...order.map((entry) => entry.element));
    current = kept ? order.indexOf(kept) : -1;
    showFocusable();
    layout.changed();
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
    picking.show(report, new Set(marks.picked()));
  }

  function onMarks(ids) {
    if (!ids.size) return;
    for (const id of ids) if (entries.has(id)) showMarks(entries.get(id));
    showPicks();
    refresh();
  }

  // ---- the current card

  function choose(entry) {
    for (const card of grid.querySelectorAll(".current")) card.classList.remove("current");
    current = order.indexOf(entry);
    if (current >= 0) order[current].element.classList.add("current");
    showFocusable();
  }

  // One card alone is reached by the tab key; the arrows lead to the others.
  function showFocusable() {
    for (const card of grid.querySelectorAll("[tabindex='0']")) card.tabIndex = -1;
    const entry = order[Math.max(0, current)];
    if (entry) entry.element.tabIndex = 0;
  }

  function moveTo(at) {
    if (!order.length) return;
    choose(order[Math.min(order.length - 1, Math.max(0, at))]);
    const { element } = order[current];
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  // To the card above or below that is nearest.
  function moveRow(by) {
    if (current < 0) return moveTo(0);
    const here = order[current].element.getBoundingClientRect();
    const middle = here.left + here.width / 2;
    let best = null;
    for (let at = current + by; at >= 0 && at < order.length; at += by) {
      const there = order[at].element.getBoundingClientRect();
      const down = by > 0 ? there.top - here.top : here.top - there.top;
      if (best && down > best.down + here.height) break;
      if (down < here.height / 3) continue;
      const apart = Math.abs(there.left + there.width / 2 - middle);
      if (!best || apart < best.apart) best = { at, apart, down };
    }
    if (best) moveTo(best.at);
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

  const play = (entry, plays) => cards.play(entry.element, plays);
  function open(entry) {
    if (window.vgpipeViewer) window.vgpipeViewer.open(entry.clip.id);
    else play(entry);
  }

  window.vgpipeGallery = {
    shown: () => order.map((entry) => entry.clip),
    all: () => report.clips,
    clip: (id) => entries.get(id)?.clip,
    report: () => report,
    cardOf: (id) => entries.get(id)?.element,
    reveal: (id) => entries.has(id) && moveTo(order.indexOf(entries.get(id))),
  };
  const star = (entry) => marks.star(entry.clip.id);
  const pickShown = () => pickAll(order, true);
  const acts = { choose, open, play, pick, pickTo, star, move: (by) => moveTo(current + by), moveRow, pickShown };
  window.vgpipeIcons.fill(document);
  window.vgpipeKeys.followPointer(grid, acts);
  window.vgpipeKeys.followKeys({ ...acts, current: () => order[current], grow: layout.grow });
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
  byId("copy-picks").addEventListener("click", (event) => picking.copy(byId("commands").textContent, event.target));
  byId("clear-picks").addEventListener("click", () => {
    for (const id of marks.picked()) marks.pick(id, false);
  });
  byId("charts").addEventListener("toggle", showCharts);
  window.addEventListener("resize", () => window.vgpipeCharts.resize());
  window.vgpipeTheme.followTheme(byId("theme"), showCharts);
  marks.onChange(onMarks);
  layout.follow();
  window.vgpipeData.follow(apply);
})();
