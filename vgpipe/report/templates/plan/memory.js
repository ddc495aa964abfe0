// The chart of memory by stage: what each takes on the GPU and in RAM, against what there is.
(function () {
  "use strict";
  const { make, shown } = window.vgpipeElements;
  const SVG = "http://www.w3.org/2000/svg";
  const MOST = 860, LEAST = 300, LEFT = 118, RIGHT = 74, BAR = 18, GAP = 8, GROUP = 14, TOP = 10;

  function draw(tag, attributes, text) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  const size = (gb) => `${shown(gb, gb < 0.1 ? 3 : 1)} GB`;

  // The bars of one stage: [label, parts, what there is, whether that is known to the plan]
  function bars(pair, stage) {
    const gpu = ["GPU", [["weights", stage.weights_gb], ["activations", stage.activations_gb], ["context", pair.context_gb]], pair.usable_gb];
    const ram = ["RAM", [["ram", stage.ram_gb]], pair.have_ram_gb];
    return pair.kind === "cpu" ? [ram] : [gpu, ram];
  }

  function limit(at, top, bottom, name) {
    const group = draw("g", {});
    group.append(draw("line", { class: "limit", x1: at, x2: at, y1: top - 4, y2: bottom + 4 }), draw("title", {}, name));
    return group;
  }

  // The chart, for so many pixels; its text says all that its bars show.
  function chart(pair, kind, room) {
    const rows = kind.stages.flatMap((stage) => bars(pair, stage).map((bar, at) => ({ stage, bar, isFirst: at === 0 })));
    const limits = pair.kind === "cpu" ? [pair.have_ram_gb] : [pair.usable_gb, pair.have_ram_gb];
    const sums = rows.map(({ bar }) => bar[1].reduce((sum, part) => sum + part[1], 0));
    const known = limits.filter((one) => one !== null && one <= Math.max(...sums) * 3);
    const most = Math.max(...sums, ...known, 0.001) * 1.02;
    const scale = (gb) => (gb / most) * (width - LEFT - RIGHT);
    const width = Math.max(LEAST, Math.min(MOST, room));
    const height = TOP + rows.length * (BAR + GAP) + kind.stages.length * GROUP;
    const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", class: "memory" });
    let y = TOP;
    const said = [];
    for (const [at, { stage, bar, isFirst }] of rows.entries()) {
      const [name, parts, have] = bar;
      if (isFirst) {
        if (at > 0) y += GROUP;
        svg.append(draw("text", { x: 0, y: y + BAR - 4, class: "stage" }, stage.stage));
      }
      svg.append(draw("text", { x: LEFT - 10, y: y + BAR - 4, "text-anchor": "end", class: "axis" }, name));
      let x = LEFT;
      for (const [part, gb] of parts.filter((one) => one[1] > 0)) {
        const rect = draw("rect", { class: part, x, y, width: Math.max(scale(gb), 0.5), height: BAR, rx: 2 });
        rect.append(draw("title", {}, `${stage.stage}, ${part === "ram" ? "RAM" : part}: ${size(gb)}`));
        svg.append(rect);
        x += scale(gb);
      }
      const isOver = have !== null && sums[at] > have;
      if (have !== null && have <= most) svg.append(limit(LEFT + scale(have), y, y + BAR, `${size(have)} of ${name}`));
      svg.append(draw("text", { x: x + 8, y: y + BAR - 4, class: isOver ? "sum over" : "sum" }, size(sums[at])));
      said.push(`${stage.stage} ${name} ${size(sums[at])}`);
      y += BAR + GAP;
    }
    svg.setAttribute("aria-label", `Memory by stage: ${said.join(", ")}`);
    return svg;
  }

  function legend(pair) {
    const list = make("ul", "legend");
    const entries = pair.kind === "cpu" ? [["ram", "RAM"]] : [["weights", "GPU: weights"], ["activations", "GPU: activations"], ["context", "GPU: driver's context"], ["ram", "RAM"]];
    for (const [name, text] of entries) {
      const item = make("li");
      item.append(make("i", name), make("span", "", text));
      list.append(item);
    }
    const have = [pair.usable_gb === null || pair.kind === "cpu" ? "" : `${size(pair.usable_gb)} GPU`, pair.have_ram_gb === null ? "" : `${size(pair.have_ram_gb)} RAM`];
    const said = have.filter(Boolean).join(", ");
    if (said) {
      const item = make("li");
      item.append(make("i", "limit"), make("span", "", `what there is: ${said}`));
      list.append(item);
    }
    return list;
  }

  window.vgpipeMemory = { chart, legend, size };
})();
