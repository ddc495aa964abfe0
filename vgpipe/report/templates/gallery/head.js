// The head of the page: the status of the run and the states of its clips.
(function () {
  "use strict";
  const { byId, color, make, pairs, stack } = window.vgpipeElements;
  const SILENT_S = 60;
  const STATES = ["done", "drafted", "failed", "stopped", "pending", "unknown"];

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
    byId("notes").replaceChildren(...(report.notes || []).map((text) => make("p", "note", `note: ${text}`)));
    byId("sort").querySelector("[value=score]").hidden = !report.clips.some((clip) => clip.score);
    byId("sheet").hidden = !report.sheet;
    if (report.sheet) byId("sheet").href = report.sheet;
  }

  function duration(seconds) {
    if (seconds < 90) return `${Math.round(seconds)} s`;
    return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
  }

  function showStatus(report) {
    const { started, ended, reason } = report.timeline;
    const parts = counts(report).map(([state, count]) => `${count} ${state}`);
    const now = Date.now() / 1000;
    if (ended) parts.push(`${reason === "finished" || !reason ? "finished" : `stopped (${reason})`} after ${duration(ended - started)}`);
    else if (now - report.written < SILENT_S && report.timeline.paused) parts.push("paused: python -m vgpipe continue");
    else if (now - report.written < SILENT_S) parts.push(`running, ${duration(now - (started || now))}`, "live");
    else parts.push(`no updates for ${duration(now - report.written)}, possibly killed: python -m vgpipe resume continues it`);
    byId("status").textContent = parts.join(" \u00b7 ");
  }

  window.vgpipeHead = { show, showStatus };
})();
