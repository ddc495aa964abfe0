// The comparison page: rows are prompt/seed pairs, columns are runs.
(function () {
  "use strict";
  const { byId, counted, make, previewOf, color } = window.vgpipeElements;
  const { playerOf } = window.vgpipeMedia;
  const { stop, toggle } = window.vgpipeTogether;
  const data = window.vgpipeComparison;

  function cellOf(cell, player) {
    const box = make("div", "cell");
    const frame = make("div", "media");
    box.append(frame);
    if (!cell) {
      frame.append(make("span", "", "not in this run"));
      return box;
    }
    frame.append(player ? player.element : make("span", "", cell.state));
    if (previewOf(cell)) frame.append(previewBadge(cell));
    box.append(make("p", "numbers", cell.numbers));
    if (cell.error) box.append(make("p", "note bad", `${cell.state}: ${cell.error}`));
    if (cell.degradations) box.append(make("p", "note warn", `degraded: ${cell.degradations.join("\n")}`));
    for (const text of cell.notes || []) box.append(make("p", "note", `note: ${text}`));
    return box;
  }

  function previewBadge(cell) {
    const badge = make("span", "state", previewOf(cell));
    badge.style.background = color("drafted");
    return badge;
  }

  function rowOf(entry) {
    const row = make("section", "row");
    const head = make("div", "rowhead");
    const prompt = make("p", "prompt", entry.prompt === null ? "(no prompt)" : entry.prompt);
    prompt.dir = "auto";
    const button = make("button", "", "play all");
    button.type = "button";
    button.addEventListener("click", () => toggle(row));
    head.append(prompt, make("p", "numbers", entry.seed === null ? "" : `seed ${entry.seed}`), button);
    const cells = make("div", "cells");
    const players = entry.cells.map((cell) => cell && playerOf(cell));
    row.players = players.filter(Boolean);
    for (const { element } of row.players) element.loop = false; // they restart together
    cells.append(...entry.cells.map((cell, at) => cellOf(cell, players[at])));
    row.append(head, cells);
    row.text = `${entry.prompt}\n${entry.seed}`.toLowerCase();
    return row;
  }

  function table(head, rows) {
    const element = make("table");
    for (const [at, row] of [head, ...rows].entries()) {
      const line = make("tr");
      line.append(...row.map((text, column) => make(at && column ? "td" : "th", "", text === null ? "" : text)));
      element.append(line);
    }
    return element;
  }

  function showHead() {
    const names = data.runs.map((run) => run.name);
    byId("settings").append(table(["setting", ...names], data.settings));
    byId("settings").hidden = data.settings.length === 0;
    byId("costs").append(table(["", ...names], data.costs));
    const columns = make("div", "cells names");
    columns.append(...names.map((name) => make("strong", "", name)));
    byId("names").append(make("div", "rowhead"), columns);
    document.documentElement.style.setProperty("--runs", String(names.length));
    window.vgpipeFigures.show(data.figures, names);
    const parts = [counted(data.rows.length, "prompt/seed pair")];
    if (data.shared < data.rows.length) parts.push(`${data.shared || "none"} shared by all runs`);
    byId("status").textContent = [...parts, counted(names.length, "run")].join(", ");
  }

  const watcher = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        if (!isIntersecting && target.classList.contains("playing")) stop(target);
        for (const player of target.players) {
          if (isIntersecting) player.load();
          else player.unload();
        }
      }
    },
    { rootMargin: "300px" },
  );

  function search() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of byId("rows").children) row.hidden = !words.every((word) => row.text.includes(word));
  }

  window.vgpipeTheme.followTheme(byId("theme"), () => {});
  showHead();
  byId("rows").append(...data.rows.map(rowOf));
  for (const row of byId("rows").children) watcher.observe(row);
  byId("search").addEventListener("input", search);
  document.documentElement.dataset.ready = "yes";
})();
