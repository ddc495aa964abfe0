// The page: loads report-data.js, shows its clips, and loads it again while the run goes on.
(function () {
  "use strict";
  const { make, color, pairs, fill, load, unload, play, total } = window.vgpipeCards;
  const { remembered, remember, followTheme } = window.vgpipeTheme;
  const POLL_MS = 5000;
  const SILENT_S = 60;
  const STATES = ["done", "failed", "stopped", "pending", "unknown"];
  const byId = (id) => document.getElementById(id);
  const grid = byId("grid");
  const entries = new Map(); // clip id -> {clip, json, element, text, isFilled}
  const wanted = { state: null, words: [], sort: "job" };
  let report = null;
  let order = []; // of the entries that are shown
  let current = -1;
  let picks = new Set();

  // ---- data

  function fetchData() {
    const tag = make("script");
    tag.src = `report-data.js?${Date.now()}`;
    tag.onload = () => {
      tag.remove();
      apply(window.vgpipeReport);
    };
    tag.onerror = () => {
      tag.remove();
      if (!report) byId("status").textContent = "report-data.js, which belongs beside this page, is not there";
      else setTimeout(fetchData, POLL_MS);
    };
    document.head.append(tag);
  }

  function apply(data) {
    const isFirst = report === null;
    const isNew = isFirst || data.written !== report.written;
    report = data;
    if (isFirst) picks = rememberedPicks();
    if (isNew) {
      report.clips.forEach(takeUp);
      forgetMissing();
      showHead();
      refresh();
      showPicks();
      if (byId("charts").open) window.vgpipeCharts.show(report);
    }
    showStatus();
    if (!report.timeline.ended) setTimeout(fetchData, POLL_MS);
    document.documentElement.dataset.ready = "yes";
  }

  function rememberedPicks() {
    try {
      return new Set(JSON.parse(remembered(`picks.${report.key}`) || "[]"));
    } catch (error) {
      return new Set();
    }
  }

  function forgetMissing() {
    const named = new Set(report.clips.map((clip) => clip.id));
    for (const [id, entry] of entries) {
      if (named.has(id)) continue;
      watcher.unobserve(entry.element);
      entries.delete(id);
    }
  }

  function haystack(clip) {
    const shots = (clip.shots || []).map((shot) => shot.prompt);
    const texts = [clip.id, clip.prompt, clip.negative_prompt, clip.model, clip.error, clip.seed, ...shots];
    return [...texts, ...(clip.degradations || [])].filter(Boolean).join("\n").toLowerCase();
  }

  function takeUp(clip, at) {
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
    fill(entry.element, entry.clip);
    entry.isFilled = true;
    if (wasOpen) entry.element.querySelector("details").open = true;
    if (entry.isNear) load(entry.element);
    showPick(entry);
  }

  // Cards are filled, and videos opened, only near the part of the page that is seen.
  const watcher = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        const entry = target.entry;
        entry.isNear = isIntersecting;
        if (isIntersecting && !entry.isFilled) refill(entry);
        else if (isIntersecting) load(target);
        else unload(target);
      }
    },
    { rootMargin: "500px" },
  );

  // ---- head

  function counts() {
    const found = new Map(STATES.map((state) => [state, 0]));
    for (const { state } of report.clips) found.set(state, found.get(state) + 1);
    return [...found].filter(([, count]) => count);
  }

  function showHead() {
    const told = counts();
    const parts = told.map(([state, size]) => ({ size, color: color(state), title: `${size} ${state}` }));
    byId("progress").replaceChildren(...window.vgpipeCards.stack(parts).children);
    byId("facts").replaceChildren(
      ...report.facts.map((fact) => {
        const row = make("div");
        row.append(...pairs([fact]).children);
        return row;
      }),
    );
    showFilters(told);
  }

  function filterButton(state, text) {
    const button = make("button", "", text);
    button.type = "button";
    button.setAttribute("aria-pressed", String(wanted.state === state));
    button.addEventListener("click", () => {
      wanted.state = wanted.state === state ? null : state;
      showFilters(counts());
      refresh();
    });
    return button;
  }

  function showFilters(told) {
    const degraded = report.clips.filter((clip) => clip.degradations).length;
    const buttons = told.map(([state, count]) => filterButton(state, `${state} ${count}`));
    if (degraded) buttons.push(filterButton("degraded", `degraded ${degraded}`));
    if (picks.size) buttons.push(filterButton("picked", `picked ${picks.size}`));
    byId("states").replaceChildren(...buttons);
  }

  function ago(seconds) {
    if (seconds < 90) return `${Math.round(seconds)} s`;
    return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
  }

  function showStatus() {
    const { started, ended, reason } = report.timeline;
    const told = counts().map(([state, count]) => `${count} ${state}`);
    const now = Date.now() / 1000;
    if (ended) told.push(`${reason === "finished" || !reason ? "finished" : `stopped (${reason})`} after ${ago(ended - started)}`);
    else if (now - report.written < SILENT_S) told.push(`going on for ${ago(now - (started || now))}; this page follows it`);
    else told.push(`no news for ${ago(now - report.written)}: it may have been killed; python -m vgpipe resume goes on`);
    byId("status").textContent = told.join(" \u00b7 ");
  }

  // ---- which clips, in what order

  function matches(entry) {
    const { clip, text } = entry;
    if (wanted.state === "degraded" ? !clip.degradations : wanted.state === "picked" ? !picks.has(clip.id) : wanted.state && clip.state !== wanted.state) return false;
    return wanted.words.every((word) => text.includes(word));
  }

  function compareSeeds(a, b) {
    // Seeds have up to 63 bits, more than a number holds.
    const [one, other] = [a, b].map(({ clip }) => (clip.seed === undefined ? -1n : BigInt(clip.seed)));
    return one < other ? -1 : one > other ? 1 : 0;
  }

  const SORTS = {
    job: () => 0,
    seconds: (a, b) => total(b.clip) - total(a.clip),
    name: (a, b) => (a.clip.id < b.clip.id ? -1 : a.clip.id > b.clip.id ? 1 : 0),
    seed: compareSeeds,
  };

  function refresh() {
    const found = [...entries.values()].filter(matches);
    found.sort((a, b) => SORTS[wanted.sort](a, b) || a.at - b.at);
    const isSame = found.length === order.length && found.every((entry, at) => entry === order[at]);
    if (!isSame) {
      const kept = current >= 0 ? order[current] : null;
      order = found;
      grid.replaceChildren(...order.map((entry) => entry.element));
      current = kept ? order.indexOf(kept) : -1;
    }
    byId("count").textContent = order.length === entries.size ? `${entries.size} clips` : `${order.length} of ${entries.size} clips`;
    byId("empty").hidden = order.length > 0;
  }

  // ---- picks

  function showPick(entry) {
    const isPicked = picks.has(entry.clip.id);
    entry.element.classList.toggle("picked", isPicked);
    const button = entry.element.querySelector("button.pick");
    if (!button) return;
    button.setAttribute("aria-pressed", String(isPicked));
    button.textContent = isPicked ? "picked" : "pick";
  }

  function pick(entry) {
    if (!picks.delete(entry.clip.id)) picks.add(entry.clip.id);
    remember(`picks.${report.key}`, JSON.stringify([...picks]));
    showPick(entry);
    showPicks();
    showFilters(counts());
    if (wanted.state === "picked") refresh();
  }

  function pickedClips() {
    return report.clips.filter((clip) => picks.has(clip.id));
  }

  function showPicks() {
    const clips = pickedClips();
    byId("picks").hidden = clips.length === 0;
    byId("picked").textContent = `${clips.length} picked`;
    byId("commands").textContent = pickedLines(clips).join("\n");
  }

  // One line for all of them where the run had a job, which loads the model once; else one a clip.
  function pickedLines(clips) {
    if (report.pick_line && clips.every((clip) => clip.pick)) {
      return [report.pick_line.replace("PICKS", clips.map((clip) => clip.pick).join(","))];
    }
    // One that cannot be typed is a comment, so that pasting them all still works.
    return clips.map((clip) => clip.final || `# ${clip.id.replace(/[^\w.-]+/g, "_")}: ${clip.no_command}`);
  }

  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
    } catch (error) {
      const area = make("textarea", "", text); // where the clipboard is refused
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const before = button.textContent;
    button.textContent = "copied";
    setTimeout(() => (button.textContent = before), 1200);
  }

  // ---- pointer and keyboard

  function entryOf(target) {
    const card = target instanceof Element ? target.closest(".card") : null;
    return card ? card.entry : null;
  }

  function onClick(event) {
    const button = event.target.closest("button[data-act]");
    const entry = entryOf(event.target);
    if (!entry) return;
    current = order.indexOf(entry);
    if (!button) return;
    if (button.dataset.act === "pick") pick(entry);
    else copy(entry.clip.command, button);
  }

  function onEnter(event, plays) {
    const entry = entryOf(event.target);
    if (!entry || entryOf(event.relatedTarget) === entry) return;
    play(entry.element, plays);
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

  const KEYS = {
    "/": () => byId("search").focus(),
    j: () => move(1),
    k: () => move(-1),
    " ": () => current >= 0 && play(order[current].element),
    p: () => current >= 0 && pick(order[current]),
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.closest("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const isButton = event.target instanceof Element && event.target.closest("button, summary, a");
    const act = KEYS[event.key];
    if (!act || (event.key === " " && (isButton || current < 0))) return;
    event.preventDefault();
    act();
  }

  // ---- begin

  let searchTimer = 0;
  function onSearch() {
    clearTimeout(searchTimer);
    searchTimer = setTimeout(() => {
      wanted.words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
      refresh();
    }, 80);
  }

  grid.addEventListener("click", onClick);
  grid.addEventListener("mouseover", (event) => onEnter(event, true));
  grid.addEventListener("mouseout", (event) => onEnter(event, false));
  grid.addEventListener("focusin", (event) => onEnter(event, true));
  grid.addEventListener("focusout", (event) => onEnter(event, false));
  document.addEventListener("keydown", onKey);
  byId("search").addEventListener("input", onSearch);
  byId("sort").addEventListener("change", (event) => {
    wanted.sort = event.target.value;
    refresh();
  });
  byId("copy-picks").addEventListener("click", (event) => copy(byId("commands").textContent, event.target));
  byId("clear-picks").addEventListener("click", () => {
    for (const clip of pickedClips()) pick(entries.get(clip.id));
  });
  byId("charts").addEventListener("toggle", () => report && byId("charts").open && window.vgpipeCharts.show(report));
  window.addEventListener("resize", () => window.vgpipeCharts.resize());
  followTheme(byId("theme"), () => report && byId("charts").open && window.vgpipeCharts.show(report));
  fetchData();
})();
