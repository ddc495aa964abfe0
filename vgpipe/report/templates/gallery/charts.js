// Charts of a run, drawn by uPlot when they are opened.
(function () {
  "use strict";
  const { STAGES, byId, legend, stageColor, shown, total } = window.vgpipeElements;
  const HEIGHT = 210;
  let drawn = [];

  function resolved(color) {
    // A canvas knows no CSS variables.
    const probe = document.createElement("span");
    probe.style.color = color;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function axis(extra) {
    const grid = { stroke: resolved("var(--line)"), width: 1 };
    return Object.assign({ stroke: resolved("var(--soft)"), grid, ticks: grid }, extra);
  }

  function draw(id, options, data) {
    const box = byId(id);
    box.parentElement.hidden = false;
    const size = { width: Math.max(280, box.clientWidth), height: HEIGHT };
    drawn.push({ box, plot: new uPlot(Object.assign(size, options), data, box) });
  }

  function timeline(report) {
    const { bars, stages, workers } = report.timeline;
    byId("chart-timeline").parentElement.classList.toggle("wide", workers.length > 0);
    window.vgpipeLanes.clear();
    if (workers.length) {
      window.vgpipeLanes.show(report, { draw, axis, resolved });
      return;
    }
    if (!bars.length) return;
    const end = bars.reduce((last, bar) => Math.max(last, bar[1] + bar[2]), 1);
    const colors = stages.map((stage) => resolved(stageColor(stage)));
    const lanes = {
      splits: () => stages.map((_, lane) => stages.length - lane - 0.5),
      values: (plot, splits) => splits.map((split) => stages[Math.floor(stages.length - split)]),
      size: 70,
    };
    const paint = (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      for (const [lane, start, seconds] of bars) {
        const left = plot.valToPos(start, "x", true);
        const right = plot.valToPos(start + seconds, "x", true);
        const top = plot.valToPos(stages.length - lane - 0.15, "y", true);
        const bottom = plot.valToPos(stages.length - lane - 0.85, "y", true);
        ctx.fillStyle = colors[lane];
        ctx.fillRect(left, top, Math.max(1, right - left - 0.5), bottom - top);
      }
      ctx.restore();
    };
    const options = {
      legend: { show: false },
      scales: { x: { time: false }, y: { range: [0, stages.length] } },
      axes: [axis({ label: "seconds since the start", labelSize: 18, size: 34 }), axis(lanes)],
      series: [{}, { show: true, points: { show: false } }],
      hooks: { draw: [paint] },
    };
    draw("chart-timeline", options, [[0, end], [null, null]]);
  }

  function stagesOf(clips) {
    const found = new Set(clips.flatMap((clip) => Object.keys(clip.seconds || {})));
    return [...STAGES.filter((stage) => found.has(stage)), ...[...found].filter((stage) => !STAGES.includes(stage))];
  }

  // ---- seconds per clip

  const nameOf = (clip) => clip.prompt || clip.id;
  const list = (pairs) => pairs.filter(([, size]) => size).map(([stage, size]) => `${stage} ${shown(size)} s`).join(", ");

  // What stands below the chart while nothing is pointed at.
  function summary(clips) {
    const sums = clips.map(total);
    const longest = sums.indexOf(sums.reduce((most, sum) => Math.max(most, sum), 0));
    const mean = sums.reduce((sum, one) => sum + one, 0) / sums.length;
    return `mean ${shown(mean)} s; longest ${shown(sums[longest])} s: ${nameOf(clips[longest])}`;
  }

  function seconds(report) {
    const clips = report.clips.filter((clip) => clip.seconds);
    if (!clips.length) return;
    const stages = stagesOf(clips);
    const raw = stages.map((stage) => clips.map((clip) => clip.seconds[stage] || 0));
    // Stacked: each series is the sum up to its stage, the tallest drawn first.
    const sums = raw.map((_, at) => clips.map((_, clip) => raw.slice(0, at + 1).reduce((sum, row) => sum + row[clip], 0)));
    const order = stages.map((_, at) => stages.length - 1 - at);
    const series = order.map((at) => ({
      fill: resolved(stageColor(stages[at])),
      stroke: resolved(stageColor(stages[at])),
      width: 0,
      paths: uPlot.paths.bars({ size: [0.8, 60] }),
      points: { show: false },
    }));
    const said = byId("seconds-said");
    const standing = summary(clips);
    said.textContent = standing;
    let pointed = null; // the clip under the pointer
    const follow = (plot) => {
      const at = plot.cursor.idx;
      pointed = at === null || at === undefined ? null : clips[at] || null;
      said.textContent = pointed ? `${nameOf(pointed)}: ${list(stages.map((stage) => [stage, pointed.seconds[stage]]))}` : standing;
    };
    const open = (plot) => plot.over.addEventListener("click", () => pointed && window.vgpipeViewer && window.vgpipeViewer.open(pointed.id));
    const options = {
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: [-0.5, clips.length - 0.5] }, y: { range: (plot, low, high) => [0, high * 1.05 || 1] } },
      axes: [
        axis({ incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 20000], values: (plot, at) => at.map((n) => n + 1), size: 30 }),
        axis({ size: 50, values: (plot, at) => at.map((n) => `${shown(n)} s`) }),
      ],
      series: [{}, ...series],
      hooks: { setCursor: [follow], ready: [open] },
    };
    byId("seconds-legend").replaceChildren(...legend(stages));
    draw("chart-seconds", options, [clips.map((_, at) => at), ...order.map((at) => sums[at])]);
  }

  // Redraws everything: after new data, a change of theme, or when the charts are opened.
  function show(report) {
    for (const { plot } of drawn) plot.destroy();
    drawn = [];
    // Show the boxes first: a hidden one has no width.
    for (const [id, has] of [["timeline", report.timeline.bars.length || report.timeline.workers.length], ["seconds", report.clips.some((c) => c.seconds)], ["memory", report.memory.length]]) {
      byId(`chart-${id}`).parentElement.hidden = !has;
    }
    timeline(report);
    seconds(report);
    window.vgpipeMemory.show(report);
  }

  function resize() {
    for (const { box, plot } of drawn) plot.setSize({ width: Math.max(280, box.clientWidth), height: plot.height });
  }

  window.vgpipeCharts = { show, resize };
})();
