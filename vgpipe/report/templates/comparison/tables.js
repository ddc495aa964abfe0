// The tables below the grid: a line for each run, which can be sorted, and the settings that the runs differ in.
(function () {
  "use strict";
  const { byId, make } = window.vgpipeElements;
  const { shade, written } = window.vgpipeHeads;
  const data = window.vgpipeComparison;

  function boxed(title, table) {
    const section = make("section", "table");
    const box = make("div", "scroll");
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", title);
    box.append(table);
    section.append(make("h2", "", title), box);
    return section;
  }

  function plain(head, rows) {
    const table = make("table");
    for (const [at, row] of [head, ...rows].entries()) {
      const line = make("tr");
      line.append(
        ...row.map((text, column) => {
          const cell = make(at && column ? "td" : "th", "", text === null ? "\u2013" : text);
          if (!(at && column)) cell.scope = at ? "row" : "col";
          return cell;
        }),
      );
      table.append(line);
    }
    return table;
  }

  function columnsOf() {
    const settings = data.axes.map((axis, number) => ({ name: axis.label, text: (run) => axis.values[data.runs[run].at[number]], order: (run) => data.runs[run].at[number] }));
    const named = settings.length ? settings : [{ name: "run", text: (run) => data.runs[run].name, order: (run) => run }];
    const lines = data.lines.map(([name, ...values]) => ({ name, text: (run) => values[run], order: (run) => (Number.isFinite(Number(values[run])) ? Number(values[run]) : values[run]) }));
    const done = { name: "done", text: (run) => `${data.runs[run].done} of ${data.runs[run].clips}`, order: (run) => data.runs[run].done };
    const counts = ["drafted", "degraded"]
      .filter((name) => data.runs.some((run) => run[name]))
      .map((name) => ({ name, text: (run) => data.runs[run][name], order: (run) => data.runs[run][name] }));
    const figures = data.figures.map((figure) => ({
      name: figure.unit ? `${figure.name}, ${figure.unit}` : figure.name,
      title: figure.about,
      figure,
      text: (run) => written(figure.values[run], ""),
      order: (run) => figure.values[run],
    }));
    return [...named, ...lines, done, ...counts, ...figures];
  }

  const compared = (a, b) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : a > b ? 1 : 0);

  function lineOf(run, columns) {
    const line = make("tr");
    const { name, page, at } = data.runs[run];
    const first = make("th");
    first.scope = "row";
    const link = make(page ? "a" : "span", "", columns[0].text(run));
    if (page) {
      link.href = page;
      link.setAttribute("aria-label", window.vgpipeAxes.nameOf(at) || name);
    }
    link.title = name;
    first.append(link);
    line.append(first);
    for (const column of columns.slice(1)) {
      const cell = make("td", "", column.text(run));
      if (column.figure && column.figure.values[run] !== null) shade(cell, column.figure, column.figure.values[run]);
      line.append(cell);
    }
    return line;
  }

  function runTable() {
    const columns = columnsOf();
    const table = make("table", "runs");
    const head = make("thead");
    const body = make("tbody");
    const top = make("tr");
    let sorted = null;
    const heads = columns.map((column) => {
      const cell = make("th");
      cell.scope = "col";
      const button = make("button", "quiet", column.name);
      button.type = "button";
      if (column.title) button.title = column.title;
      button.addEventListener("click", () => sort(column, cell));
      cell.append(button);
      return cell;
    });
    function fill(order) {
      body.replaceChildren(...order.map((run) => lineOf(run, columns)));
    }
    function sort(column, cell) {
      const isDown = sorted === column;
      sorted = isDown ? null : column;
      const order = [...data.runs.keys()].sort((a, b) => compared(column.order(a), column.order(b)));
      for (const one of heads) one.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      fill(isDown ? order.reverse() : order);
    }
    top.append(...heads);
    head.append(top);
    table.append(head, body);
    // By the settings, the first one first.
    fill([...data.runs.keys()].sort((a, b) => data.runs[a].at.map((at, axis) => at - data.runs[b].at[axis]).find(Boolean) || a - b));
    return table;
  }

  function show() {
    const tables = [boxed("Runs", runTable())];
    for (const axis of data.axes) if (axis.changes.length) tables.push(boxed(["run", "folder", "combination"].includes(axis.key) ? "Settings that differ" : `What ${axis.label} changes`, plain(["setting", ...axis.values], axis.changes)));
    if (data.others.length) tables.push(boxed("Other settings that differ", plain(["setting", ...data.runs.map((run) => run.name)], data.others)));
    byId("tables").append(...tables);
  }

  window.vgpipeTables = { show };
})();
