// The card of a sweep: the runs of one command, which are listed inside it, and the page that compares them.
(function () {
  "use strict";
  const { counted, make } = window.vgpipeElements;
  const { badge, pictures, duration, figures } = window.vgpipeRunCard;
  const ORDER = ["rendering", "paused", "failed", "interrupted", "stopped", "drafted", "done"];
  const PICTURES = 4;

  // One picture of each run first, then the second ones.
  function picked(runs) {
    const found = [];
    for (let at = 0; found.length < PICTURES && runs.some((run) => run.pictures.length > at); at++) {
      found.push(...runs.filter((run) => run.pictures.length > at).map((run) => run.pictures[at]));
    }
    return found.slice(0, PICTURES);
  }

  const stateOf = (runs) => ORDER.find((state) => runs.some((run) => run.state === state)) || "done";

  function rows(runs) {
    const list = make("ul", "combinations");
    for (const run of runs) {
      const link = make("a");
      link.href = run.url;
      link.append(make("bdi", "", run.folder.split("/").pop()));
      const row = make("li");
      row.append(link);
      if (run.state !== "done") row.append(badge(run.state));
      list.append(row);
    }
    return list;
  }

  // Fills the card of a sweep with those of its runs that are shown.
  function fill(element, sweep, runs, hasComparison) {
    const mark = JSON.stringify([runs, hasComparison]);
    if (element.mark === mark) return;
    element.mark = mark;
    const target = hasComparison ? `${runs[0].url.split("/").slice(0, -2).join("/")}/comparison.html` : null;
    const shown = make(target ? "a" : "div");
    if (target) Object.assign(shown, { href: target, tabIndex: -1, ariaHidden: "true" });
    shown.append(pictures({ pictures: picked(runs) }));
    const box = make("div", "body");
    const title = make("div", "title");
    const name = make("h3", "", runs[0].job || sweep);
    name.dir = "auto";
    const state = stateOf(runs);
    title.append(name, ...(state === "done" ? [] : [badge(state)]));
    const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
    box.append(title, make("p", "soft", `sweep of ${counted(runs.length, "run")} \u00b7 ${duration(seconds)} \u00b7 ${figures(runs[0], "model moment")}`));
    if (target) {
      const link = make("a", "compare", "compare the runs");
      link.href = target;
      box.append(link);
    }
    const details = make("details");
    details.append(make("summary", "", counted(runs.length, "run")), rows(runs));
    box.append(details);
    element.replaceChildren(shown, box);
  }

  window.vgpipeSweepCard = { fill };
})();
