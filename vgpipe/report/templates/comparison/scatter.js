// Quality against time: a point for each run, coloured by one setting and shaped by the next.
(function () {
  "use strict";
  const { byId, make } = window.vgpipeElements;
  const { written, range } = window.vgpipeHeads;
  const layout = window.vgpipeAxes;
  const data = window.vgpipeComparison;
  const HEIGHT = 340;
  const EDGE = { left: 56, right: 18, top: 14, bottom: 42 };
  const COLORS = 8;
  const SIZE = 6.5;
  const SHAPES = [
    `M0,${-SIZE}A${SIZE},${SIZE} 0 1 1 0,${SIZE}A${SIZE},${SIZE} 0 1 1 0,${-SIZE}Z`,
    `M${-SIZE},${-SIZE}H${SIZE}V${SIZE}H${-SIZE}Z`,
    `M0,${-SIZE * 1.3}L${SIZE * 1.3},0L0,${SIZE * 1.3}L${-SIZE * 1.3},0Z`,
    `M0,${-SIZE * 1.2}L${SIZE * 1.2},${SIZE}H${-SIZE * 1.2}Z`,
  ];
  const varies = (figure) => new Set(figure.values.filter((value) => value !== null)).size > 1;
  const costs = data.figures.filter(({ kind }) => kind === "time" || kind === "memory");
  const gains = data.figures.filter((figure) => (figure.kind === "judged" || figure.kind === "measure") && varies(figure));

  function draw(tag, attributes, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // Round numbers between two values, about as many as asked for.
  function ticks(least, most, count) {
    const rough = (most - least) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    const found = [];
    for (let value = Math.ceil(least / step) * step; value <= most + step / 1000; value += step) found.push(Number(value.toPrecision(12)));
    return found;
  }

  function scale(figure, from, to) {
    const { least, most } = range(figure);
    const room = (most - least || Math.abs(most) || 1) * 0.08;
    const [low, high] = [Math.max(least >= 0 ? 0 : -Infinity, least - room), most + room];
    return { low, high, at: (value) => from + ((value - low) / (high - low)) * (to - from) };
  }

  function axisLines(x, y, width, cost, gain) {
    const group = draw("g", { class: "axes" });
    for (const value of ticks(x.low, x.high, width / 110)) {
      group.append(draw("line", { x1: x.at(value), x2: x.at(value), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
      group.append(draw("text", { x: x.at(value), y: HEIGHT - EDGE.bottom + 17, "text-anchor": "middle" }, value));
    }
    for (const value of ticks(y.low, y.high, 5)) {
      group.append(draw("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y.at(value), y2: y.at(value) }));
      group.append(draw("text", { x: EDGE.left - 8, y: y.at(value) + 4, "text-anchor": "end" }, value));
    }
    group.append(draw("text", { x: width - EDGE.right, y: HEIGHT - 6, "text-anchor": "end", class: "title" }, `${cost.name}, ${cost.unit}`));
    return group;
  }

  // The runs that no other one beats in both figures, the cheapest first.
  function frontier(cost, gain, runs) {
    const sign = gain.better === "less" ? -1 : 1;
    const sorted = [...runs].sort((a, b) => cost.values[a] - cost.values[b] || sign * (gain.values[b] - gain.values[a]));
    const found = [];
    let best = -Infinity;
    for (const run of sorted) {
      if (sign * gain.values[run] <= best) continue;
      best = sign * gain.values[run];
      found.push(run);
    }
    return found;
  }

  // Numbers go from light to dark, names have a colour each.
  function colorOf(at) {
    const { values } = data.axes[0];
    if (values.length < 3 || !values.every((value) => Number.isFinite(Number(value)))) return `var(--series${at % COLORS})`;
    return `color-mix(in oklab, var(--low), var(--high) ${(100 * at) / (values.length - 1)}%)`;
  }

  const lookOf = (run) => {
    const { at } = data.runs[run];
    return { color: data.axes.length ? colorOf(at[0]) : "var(--series0)", shape: SHAPES[(at[1] || 0) % SHAPES.length] };
  };
  const described = (run, cost, gain) => `${layout.nameOf(data.runs[run].at)}: ${written(cost.values[run], cost.unit)}, ${gain.name} ${written(gain.values[run], gain.unit)}`;

  function point(run, x, y, cost, gain) {
    const { color, shape } = lookOf(run);
    const mark = draw("g", { class: "point", tabindex: "0", role: "button", "aria-label": described(run, cost, gain), transform: `translate(${x.at(cost.values[run])} ${y.at(gain.values[run])})` });
    mark.append(draw("circle", { r: 16, class: "target" }), draw("path", { d: shape }), draw("title", {}, described(run, cost, gain)));
    mark.style.fill = color;
    const tell = () => (byId("point").textContent = described(run, cost, gain));
    mark.addEventListener("pointerenter", tell);
    mark.addEventListener("focus", tell);
    const go = () => {
      layout.show(data.runs[run].at);
      byId("grid").scrollIntoView();
    };
    mark.addEventListener("click", go);
    mark.addEventListener("keydown", (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), go()));
    return mark;
  }

  function plot() {
    const [cost, gain] = [costs[byId("cost").value], gains[byId("gain").value]];
    const width = Math.max(280, byId("plot").clientWidth);
    const x = scale(cost, EDGE.left, width - EDGE.right);
    const y = scale(gain, HEIGHT - EDGE.bottom, EDGE.top);
    const runs = [...data.runs.keys()].filter((run) => cost.values[run] !== null && gain.values[run] !== null);
    const image = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "group", "aria-label": `${gain.name} against ${cost.name}` });
    image.append(axisLines(x, y, width, cost, gain));
    if (gain.better) {
      const path = frontier(cost, gain, runs).map((run) => `${x.at(cost.values[run])},${y.at(gain.values[run])}`);
      image.append(draw("polyline", { points: path.join(" "), class: "frontier" }));
    }
    image.append(...runs.map((run) => point(run, x, y, cost, gain)));
    byId("plot").replaceChildren(image);
    const missing = data.runs.length - runs.length;
    byId("about").textContent = [gain.about, gain.better ? `${gain.better === "less" ? "Lower" : "Higher"} is better; the line joins the runs that no other one beats in both.` : "", missing ? `Not drawn: ${missing} of ${data.runs.length} runs, without one of the two figures (clips from the store took no time).` : ""].filter(Boolean).join(" ");
    byId("point").textContent = "";
  }

  function legend() {
    const items = data.axes.slice(0, 2).flatMap((axis, number) =>
      axis.values.map((value, at) => {
        const item = make("span", "key");
        const image = draw("svg", { viewBox: "-10 -10 20 20", width: 16, height: 16, "aria-hidden": "true" });
        const path = draw("path", { d: number ? SHAPES[at % SHAPES.length] : SHAPES[0] });
        path.style.fill = number ? "var(--soft)" : colorOf(at);
        image.append(path);
        item.append(image, make("span", "", `${axis.label} ${value}`));
        return item;
      }),
    );
    byId("legend").replaceChildren(...items);
  }

  function choices(select, figures) {
    select.replaceChildren(
      ...figures.map((figure, at) => {
        const option = make("option", "", figure.name);
        option.value = String(at);
        return option;
      }),
    );
    select.addEventListener("change", plot);
  }

  // What is judged says more than a measure, unless nearly all runs have the same of it.
  function first() {
    const judged = gains.findIndex((figure) => figure.kind === "judged" && new Set(figure.values).size > 2);
    const measured = gains.findIndex((figure) => figure.kind === "measure");
    return Math.max(judged >= 0 ? judged : measured, 0);
  }

  function show() {
    byId("chart").hidden = data.runs.length < 2 || costs.length === 0 || gains.length === 0;
    if (byId("chart").hidden) return;
    choices(byId("cost"), costs);
    choices(byId("gain"), gains);
    byId("gain").value = String(first());
    byId("not-judged").hidden = !gains.some((figure) => figure.is_measure);
    legend();
    new ResizeObserver(plot).observe(byId("plot"));
  }

  window.vgpipeScatter = { show };
})();
