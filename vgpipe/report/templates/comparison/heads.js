// The heads of the columns: the values of their settings, and below them their figures, shaded by size.
(function () {
  "use strict";
  const { byId, make } = window.vgpipeElements;
  const layout = window.vgpipeAxes;
  const data = window.vgpipeComparison;
  const DEEPEST = 0.38;
  const CLEAR = 0.25; // a difference of this share of the largest value is shaded in full; smaller ones less

  const written = (value, unit) => (value === null ? "\u2013" : [Number(value.toPrecision(3)), unit].join(" ").trim());

  // The figure of several runs: the largest memory, else the mean over all of their clips.
  function together(figure, runs) {
    const known = runs.filter((run) => figure.values[run] !== null);
    if (!known.length) return null;
    if (figure.kind === "memory") return Math.max(...known.map((run) => figure.values[run]));
    const clips = known.reduce((sum, run) => sum + figure.clips[run], 0);
    return known.reduce((sum, run) => sum + figure.values[run] * figure.clips[run], 0) / clips;
  }

  function range(figure) {
    const known = figure.values.filter((value) => value !== null);
    return { least: Math.min(...known), most: Math.max(...known) };
  }

  // Lets a name break where its parts meet, not inside a word.
  function named(tag, className, text) {
    const element = make(tag, className);
    for (const part of text.split(/(?<=[a-z])(?=[A-Z])|(?<=[_./=-])/)) element.append(part, make("wbr"));
    return element;
  }

  // How far a value is between the least and the most of all runs, 0 to 1; less where these hardly differ.
  function share(figure, value) {
    const { least, most } = range(figure);
    if (value === null || most <= least) return 0;
    const spread = (most - least) / Math.max(Math.abs(most), Math.abs(least));
    return Math.min(1, spread / CLEAR) * Math.min(1, Math.max(0, (value - least) / (most - least)));
  }

  function shade(element, figure, value) {
    element.style.setProperty("--heat", String(DEEPEST * share(figure, value)));
    element.classList.add("heat");
  }

  function best(figure, values) {
    const known = values.filter((value) => value !== null);
    if (!figure.better || new Set(known).size < 2) return null;
    return figure.better === "less" ? Math.min(...known) : Math.max(...known);
  }

  // Neighbours with the same values up to a level share one head.
  function level(columns, depth) {
    const heads = [];
    for (const { pairs, opens } of columns) {
      const key = pairs.slice(0, depth + 1).join(";");
      const last = heads[heads.length - 1];
      if (last && last.key === key) last.span += 1;
      else heads.push({ key, span: 1, opens, text: layout.valueText(...pairs[depth]) });
    }
    return heads;
  }

  function headRow(columns, depth, label) {
    const row = make("div", `heads level${depth}`);
    row.append(named("span", "label", label));
    for (const { span, text, opens } of level(columns, depth)) {
      const head = named("strong", "", text);
      head.title = `${label} ${text}`;
      head.classList.toggle("opens", opens);
      head.style.gridColumn = `span ${span}`;
      row.append(head);
    }
    return row;
  }

  const common = (values) => (new Set(values).size === 1 ? values[0] : "mixed");

  function lineRow([label, ...values], columns) {
    const texts = columns.map(({ runs }) => common(runs.map((run) => values[run])));
    if (new Set(texts).size < 2) return null;
    const row = make("div", "heads figure");
    row.append(make("span", "label", label), ...texts.map((text) => make("span", "value", text)));
    return row;
  }

  function figureRow(figure, columns) {
    const values = columns.map(({ runs }) => together(figure, runs));
    const { least, most } = range(figure);
    if (figure.kind === "stage" || values.every((value) => value === null)) return null;
    if (least === most && figure.kind !== "time" && figure.kind !== "memory") return null;
    const row = make("div", "heads figure");
    const label = make("span", "label", figure.unit ? `${figure.name}, ${figure.unit}` : figure.name);
    label.title = figure.about;
    const leading = best(figure, values);
    const shown = values.map((value) => {
      const cell = make("span", "value", written(value, ""));
      if (value !== null) shade(cell, figure, value);
      cell.classList.toggle("best", value !== null && value === leading);
      return cell;
    });
    row.append(label, ...shown);
    return row;
  }

  function show() {
    const columns = layout.columns();
    document.documentElement.style.setProperty("--columns", String(columns.length));
    const names = layout.columnAxes().map((axis) => data.axes[axis].label);
    byId("names").replaceChildren(...names.map((name, depth) => headRow(columns, depth, name)));
    const rows = [...data.lines.map((line) => lineRow(line, columns)), ...data.figures.map((figure) => figureRow(figure, columns))];
    byId("numbers").replaceChildren(...rows.filter(Boolean));
  }

  window.vgpipeHeads = { show, shade, written, range };
})();
