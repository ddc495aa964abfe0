// The page: loads report-data.js, shows its clips, and reloads it while the run continues.
(function () {
  "use strict";
  const { byId, counted, make } = window.vgpipeElements;
  const cards = window.vgpipeCards;
  const head = window.vgpipeHead;
  const picking = window.vgpipePicks;
  const { haystack, found } = window.vgpipeFilters;
  const POLL_MS = 5000;
  const SEARCH_MS = 80;
  const grid = byId("grid");
  const entries = new Map(); // clip id -> {clip, json, at, text, element, isFilled, isNear}
  const wanted = { state: null, words: [], sort: "job" };
  let report = null;
  let order = []; // the visible entries
  let current = -1;
  let picks = new Set();

  // ---- data

  function fetchData() {
    if (report && document.hidden) {
      setTimeout(fetchData, POLL_MS); // nobody looks, and a phone may pay for what it loads
      return;
    }
    const tag = make("script");
    tag.src = `report-data.js?${Date.now()}`;
    tag.onload = () => {
      tag.remove();
      apply(window.vgpipeReport);
    };
    tag.onerror = () => {
      tag.remove();
      if (!report) byId("status").textContent = "report-data.js is missing: it belongs in the folder of this page";
      else setTimeout(fetchData, POLL_MS);
    };
    document.head.append(tag);
  }

  function apply(data) {
    const isFirst = report === null;
    const isNew = isFirst || data.written !== report.written;
    report = data;
    if (isFirst) picks = picking.read(report);
    if (isNew) {
      report.clips.forEach(update);
      forgetMissing();
      head.show(report);
      showFilters();
      refresh();
      picking.show(report, picks);
      showCharts();
    }
    head.showStatus(report);
    if (!report.timeline.ended) setTimeout(fetchData, POLL_MS);
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
    const entry = known || { element: make("article", "card"), isFilled: false, isNear: false };
    Object.assign(entry, { clip, json, at, text: haystack(clip) });
    if (!known) {
      entry.element.tabIndex = -1;
      entry.element.entry = entry;
      entries.set(clip.id, entry);
      watcher.observe(entry.element);
    }
    if (entry.isFilled) refill(entry);
  }

  function refill(entry) {
    const wasOpen = entry.element.classList.contains("open");
    cards.fill(entry.element, entry.clip);
    entry.isFilled = true;
    if (wasOpen) entry.element.querySelector("details").open = true;
    if (entry.isNear) cards.load(entry.element);
    picking.mark(entry.element, picks.has(entry.clip.id));
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
    const next = found(entries.values(), wanted, picks);
    const isSame = next.length === order.length && next.every((entry, at) => entry === order[at]);
    if (!isSame) {
      const kept = current >= 0 ? order[current] : null;
      order = next;
      grid.replaceChildren(...order.map((entry) => entry.element));
      current = kept ? order.indexOf(kept) : -1;
    }
    const all = counted(entries.size, "clip");
    byId("count").textContent = order.length === entries.size ? all : `${order.length} of ${all}`;
    byId("empty").hidden = order.length > 0;
  }

  function showFilters() {
    head.showFilters(report, wanted, picks, (state) => {
      wanted.state = wanted.state === state ? null : state;
      showFilters();
      refresh();
    });
  }

  function showCharts() {
    if (report && byId("charts").open) window.vgpipeCharts.show(report);
  }

  // ---- user actions

  function pick(entry) {
    picking.toggle(report, picks, entry.clip.id);
    picking.mark(entry.element, picks.has(entry.clip.id));
    picking.show(report, picks);
    showFilters();
    if (wanted.state === "picked") refresh();
  }

  function move(by) {
    if (!order.length) return;
    const next = current < 0 ? 0 : Math.min(order.length - 1, Math.max(0, current + by));
    for (const card of grid.querySelectorAll(".current")) card.classList.remove("current");
    current = next;
    const { element } = order[current];
    element.classList.add("current");
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "center" });
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
  window.vgpipeKeys.followPointer(grid, {
    choose: (entry) => (current = order.indexOf(entry)),
    play,
    pick,
    copy: (entry, button) => picking.copy(entry.clip.command, button),
  });
  window.vgpipeKeys.followKeys({ move, current: () => order[current], play: (entry) => play(entry), pick });
  byId("search").addEventListener("input", onSearch);
  byId("sort").addEventListener("change", (event) => {
    wanted.sort = event.target.value;
    refresh();
  });
  byId("copy-picks").addEventListener("click", (event) => picking.copy(byId("commands").textContent, event.target));
  byId("clear-picks").addEventListener("click", () => {
    for (const clip of picking.clipsOf(report, picks)) pick(entries.get(clip.id));
  });
  byId("charts").addEventListener("toggle", showCharts);
  window.addEventListener("resize", () => window.vgpipeCharts.resize());
  window.vgpipeTheme.followTheme(byId("theme"), showCharts);
  fetchData();
})();
