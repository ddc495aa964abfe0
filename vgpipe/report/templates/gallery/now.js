// What a run does at this moment: stage, clip and step of each worker, when it will be done, and what was finished last.
(function () {
  "use strict";
  const { byId, make, stageColor } = window.vgpipeElements;
  const { duration, moment } = window.vgpipeStanding;
  const { playerOf } = window.vgpipeMedia;
  const MIB = 2 ** 20;
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");
  const rows = new Map(); // worker -> {element, parts, shownOf}

  function promptOf(report, id) {
    const clip = report.clips.find((one) => one.id === id);
    return (clip && clip.prompt) || id || "";
  }

  function doing(worker) {
    const parts = [worker.stage || "waiting"];
    if (worker.segments) parts.push(`segment ${worker.segment} of ${worker.segments}`);
    if (worker.loading) return [...parts, `loading ${worker.loading}`].join(", ");
    if (worker.steps === undefined) return parts.join(", ");
    const done = worker.step || 0;
    if (worker.stage === "download") parts.push(`${Math.round(done / MIB)} of ${Math.round(worker.steps / MIB)} MiB`);
    else parts.push(`step ${done} of ${worker.steps}`);
    return parts.join(", ");
  }

  // ", at denoise, step 12 of 50": where a run was at its last news.
  function wasAt(report) {
    const busy = report.live ? report.live.workers.filter((worker) => worker.stage) : [];
    return busy.length ? `, at ${doing(busy[0])}${busy.length > 1 ? ` and ${busy.length - 1} more` : ""}` : "";
  }

  const share = (worker) => (worker.steps ? Math.min(1, (worker.step || 0) / worker.steps) : null);

  function bar(fraction, tone) {
    const element = make("div", "bar");
    const fill = make("span");
    fill.style.width = `${(100 * fraction).toFixed(1)}%`;
    if (tone) fill.style.background = tone;
    element.append(fill);
    return element;
  }

  // The picture of a clip, small: its preview or video where there is one, playing.
  function picture(clip, className) {
    const box = make("div", className);
    const player = clip && playerOf(clip);
    if (!player) return box;
    box.append(player.element);
    player.load();
    if (!isStill.matches) player.play();
    return box;
  }

  function rowOf(name) {
    if (!rows.has(name)) {
      const element = make("div", "worker");
      const parts = { text: make("div", "text") };
      element.append(parts.text);
      rows.set(name, { element, parts, pictured: null });
    }
    return rows.get(name);
  }

  function showWorker(report, worker) {
    const row = rowOf(worker.name || "");
    const clip = report.clips.find((one) => one.id === worker.clip);
    const files = clip && clip.files ? JSON.stringify(clip.files) : "";
    if (row.pictured !== files) {
      if (row.parts.picture) row.parts.picture.remove();
      row.parts.picture = null;
      if (files) row.element.prepend((row.parts.picture = picture(clip, "thumb")));
      row.pictured = files;
    }
    const what = make("p", "what");
    const dot = make("span", "dot");
    dot.style.background = stageColor(worker.stage || "");
    what.append(dot, make("strong", "", doing(worker)));
    if (worker.name) what.append(make("span", "soft", `${worker.name}${worker.device ? `, ${worker.device}` : ""}`));
    const prompt = make("p", "of", promptOf(report, worker.clip));
    prompt.dir = "auto";
    const done = share(worker);
    row.parts.text.replaceChildren(what, ...(worker.clip ? [prompt] : []), ...(done === null ? [] : [bar(done, stageColor(worker.stage))]));
    return row.element;
  }

  function finish(live) {
    const percent = `${Math.floor(100 * live.fraction)} %`;
    if (live.finish_at === null) return [percent, "no estimate yet"];
    const left = live.finish_at - Date.now() / 1000;
    return [percent, left > 0 ? `done at ${moment(live.finish_at)}, in ${duration(left)}` : `due since ${moment(live.finish_at)}`];
  }

  function showWhen(live) {
    const [percent, when] = finish(live);
    const line = make("p", "when");
    line.append(make("strong", "", when), make("span", "soft", `${percent} of the work`));
    return [line, bar(live.fraction)];
  }

  function lastOf(report) {
    const { last } = report.timeline;
    const clip = last && report.clips.find((one) => one.id === last[0]);
    const isMade = clip && (clip.state === "done" || clip.state === "drafted"); // a draft may be continued now
    return isMade ? [clip, last[1]] : [null, 0];
  }

  let lastShown = null;
  function showLast(report) {
    const [clip, at] = lastOf(report);
    if (!clip) return [];
    if (!lastShown || lastShown.id !== clip.id) {
      const element = make("button", "last");
      element.type = "button";
      element.append(picture(clip, "thumb"), make("span", "text"));
      element.addEventListener("click", () => open(clip.id));
      lastShown = { id: clip.id, element };
    }
    const ago = make("strong", "", `finished last, ${duration(Date.now() / 1000 - at)} ago`);
    const prompt = make("span", "of", clip.prompt || clip.id);
    prompt.dir = "auto";
    lastShown.element.querySelector(".text").replaceChildren(ago, prompt);
    return [lastShown.element];
  }

  function open(id) {
    if (window.vgpipeViewer) window.vgpipeViewer.open(id);
    else if (window.vgpipeGallery) window.vgpipeGallery.reveal(id);
  }

  function show(report, state) {
    const box = byId("now");
    const { live } = report;
    box.hidden = !state.isActive || !live || state.name === "paused";
    if (box.hidden) {
      rows.clear();
      lastShown = null;
      box.replaceChildren();
      return;
    }
    const busy = live.workers.filter((worker) => worker.stage);
    const listed = busy.length ? busy : live.workers.slice(0, 1);
    const names = new Set(listed.map((worker) => worker.name || ""));
    for (const name of rows.keys()) if (!names.has(name)) rows.delete(name);
    const main = make("div", "workers");
    main.append(...listed.map((worker) => showWorker(report, worker)));
    const left = live.more_workers;
    if (left) main.append(make("p", "soft", `and ${left} more workers`));
    const whole = make("div", "whole");
    whole.append(...showWhen(live));
    box.replaceChildren(whole, main, ...showLast(report));
  }

  window.vgpipeNow = { show, wasAt };
})();
