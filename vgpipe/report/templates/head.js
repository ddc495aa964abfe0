// The head of the page: how the run stands, and which states its clips have.
(function () {
  "use strict";
  const { byId, color, make, pairs, stack } = window.vgpipeElements;
  const SILENT_S = 60;
  const STATES = ["done", "failed", "stopped", "pending", "unknown"];

  function counts(report) {
    const found = new Map(STATES.map((state) => [state, 0]));
    for (const { state } of report.clips) found.set(state, found.get(state) + 1);
    return [...found].filter(([, count]) => count);
  }

  function show(report) {
    const parts = counts(report).map(([state, size]) => ({ size, color: color(state), title: `${size} ${state}` }));
    byId("progress").replaceChildren(...stack(parts).children);
    byId("facts").replaceChildren(
      ...report.facts.map((fact) => {
        const row = make("div");
        row.append(...pairs([fact]).children);
        return row;
      }),
    );
    byId("sheet").hidden = !report.sheet;
    if (report.sheet) byId("sheet").href = report.sheet;
  }

  function ago(seconds) {
    if (seconds < 90) return `${Math.round(seconds)} s`;
    return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
  }

  function showStatus(report) {
    const { started, ended, reason } = report.timeline;
    const told = counts(report).map(([state, count]) => `${count} ${state}`);
    const now = Date.now() / 1000;
    if (ended) told.push(`${reason === "finished" || !reason ? "finished" : `stopped (${reason})`} after ${ago(ended - started)}`);
    else if (now - report.written < SILENT_S) told.push(`going on for ${ago(now - (started || now))}; this page follows it`);
    else told.push(`no news for ${ago(now - report.written)}: it may have been killed; python -m vgpipe resume goes on`);
    byId("status").textContent = told.join(" \u00b7 ");
  }

  // Buttons, each with how many clips it leaves; `toggle` is called with the state of the one that is pressed.
  function showFilters(report, wanted, picks, toggle) {
    const degraded = report.clips.filter((clip) => clip.degradations).length;
    const told = counts(report);
    if (degraded) told.push(["degraded", degraded]);
    if (picks.size) told.push(["picked", picks.size]);
    byId("states").replaceChildren(...told.map(([state, count]) => filterButton(state, count, wanted, toggle)));
  }

  function filterButton(state, count, wanted, toggle) {
    const button = make("button", "", `${state} ${count}`);
    button.type = "button";
    button.setAttribute("aria-pressed", String(wanted.state === state));
    button.addEventListener("click", () => toggle(state));
    return button;
  }

  window.vgpipeHead = { show, showStatus, showFilters };
})();
