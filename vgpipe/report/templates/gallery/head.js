// The head of the page: the job, when it was made and what became of it, and the command that continues it.
(function () {
  "use strict";
  const { byId, color, counted, make, pairs, stack } = window.vgpipeElements;
  const { copy } = window.vgpipeCopy;
  const { stateOf, duration, moment, span } = window.vgpipeStanding;
  const STATES = ["failed", "stopped", "done", "drafted", "pending", "unknown"]; // what needs a look comes first
  const ORDER = ["done", "drafted", "failed", "stopped", "pending", "unknown"];
  const MAX_TITLE = 90;

  function counts(report) {
    const found = new Map(STATES.map((state) => [state, 0]));
    for (const { state } of report.clips) found.set(state, found.get(state) + 1);
    return new Map([...found].filter(([, count]) => count));
  }

  function titleOf(report) {
    if (report.job) return report.job;
    const [only] = report.clips.length === 1 ? report.clips : [];
    const prompt = (only && only.prompt) || "";
    if (!prompt) return report.run;
    return prompt.length > MAX_TITLE ? `${prompt.slice(0, MAX_TITLE)}\u2026` : prompt;
  }

  function show(report) {
    const found = counts(report);
    byId("title").textContent = titleOf(report);
    const parts = ORDER.filter((state) => found.has(state)).map((state) => {
      return { size: found.get(state), color: state === "pending" ? "transparent" : color(state), title: `${found.get(state)} ${state}` };
    });
    byId("progress").replaceChildren(...stack(parts).children);
    byId("facts").replaceChildren(...[["folder", report.run], ...report.facts].map(factOf));
    byId("notes").replaceChildren(...(report.notes || []).map((text) => make("p", "note", `note: ${text}`)));
    byId("sort").querySelector("[value=score]").hidden = !report.clips.some((clip) => clip.score);
    byId("sheet").hidden = !report.sheet;
    if (report.sheet) byId("sheet").href = report.sheet;
  }

  function factOf(fact) {
    const row = make("div");
    row.append(...pairs([fact]).children);
    return row;
  }

  // ---- the result, in words

  const SAID = { failed: "failed", stopped: "begun", drafted: "drafts", pending: "to do", unknown: "unknown" };

  function resultOf(report, state) {
    const found = counts(report);
    const all = report.clips.length;
    if (found.get("done") === all) return [make("strong", "", all === 1 ? "done" : `all ${all} done`)];
    return [...found].map(([name, count]) => {
      if (name === "done") return make("span", "", `${count} of ${all} done`);
      const said = name === "pending" && !state.isActive ? "not begun" : name === "drafted" && count === 1 ? "draft" : SAID[name];
      return make(name === "failed" ? "strong" : "span", name === "failed" ? "is-bad" : "", `${count} ${said}`);
    });
  }

  function showStatus(report) {
    const state = stateOf(report);
    const result = resultOf(report, state);
    const failed = result.filter((word) => word.className); // comes before anything else
    const words = [...failed, make("span", "", state.said), ...result.filter((word) => !word.className), make("span", "", span(report.timeline))];
    const shown = words.filter((word) => word.textContent);
    const text = shown.map((word) => word.textContent).join("\n");
    if (byId("status").dataset.shown !== text) {
      byId("status").dataset.shown = text; // said again by a screen reader only where it differs
      byId("status").replaceChildren(...shown.flatMap((word, at) => (at ? [" \u00b7 ", word] : [word])));
    }
    showNext(report, state);
    window.vgpipeNow.show(report, state);
    const { live } = report;
    document.title = `${state.isActive && live ? `${Math.floor(100 * live.fraction)} % \u00b7 ` : ""}${titleOf(report)} - vgpipe`;
  }

  // ---- what to type

  function nextOf(report, state) {
    const left = (counts(report).get("stopped") || 0) + (counts(report).get("pending") || 0);
    const failed = counts(report).get("failed") || 0;
    const drafts = counts(report).get("drafted") || 0;
    if (state.name === "paused") return ["Paused; to continue, type", report.unpause_line];
    if (state.isActive) return null;
    if (state.name === "silent") {
      const when = `No news since ${moment(report.written)} (${duration(Date.now() / 1000 - report.written)}): probably killed${window.vgpipeNow.wasAt(report)}.`;
      return [`${when} What is done is kept${left ? `, ${counted(left, "clip")} ${left === 1 ? "is" : "are"} left` : ""}. To continue, type`, report.resume_line];
    }
    if (left) return [`${counted(left, "clip")} ${left === 1 ? "is" : "are"} left. To finish, type`, report.resume_line];
    if (failed) return [`${counted(failed, "clip")} failed. To try ${failed === 1 ? "it" : "them"} again, type`, report.resume_line];
    const all = report.continue_line && report.continue_line.replace(/'pick=\[PICKS\]'$/, "all");
    if (drafts && all) return [`${counted(drafts, "draft")} can be finished: pick the good ones, or for all type`, all];
    return null;
  }

  function showNext(report, state) {
    const next = nextOf(report, state);
    const box = byId("next");
    box.hidden = !next || !next[1];
    if (box.hidden) return;
    if (box.dataset.line === next[1]) {
      box.firstChild.textContent = next[0]; // the button keeps the focus
      return;
    }
    box.dataset.line = next[1];
    const button = make("button", "copy-line", "copy");
    button.type = "button";
    button.setAttribute("aria-label", "copy the command");
    button.addEventListener("click", () => copy(next[1], button));
    box.classList.toggle("is-warn", state.name === "silent" || state.name === "stopped");
    box.replaceChildren(make("p", "", next[0]), make("code", "", next[1]), button);
  }

  window.vgpipeHead = { show, showStatus };
})();
