// Charts of a run, drawn by uPlot when they are opened.
(function () {
  "use strict";
  const { STAGES, stageColor, shown } = window.vgpipeElements;
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
    const box = document.getElementById(id);
    box.parentElement.hidden = false;
    const size = { width: Math.max(280, box.clientWidth), height: HEIGHT };
    drawn.push({ box, plot: new uPlot(Object.assign(size, options), data, box) });
  }

  function timeline(report) {
    const { bars, stages, workers } = report.timeline;
    document.getElementById("chart-timeline").parentElement.classList.toggle("wide", workers.length > 0);
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

  function seconds(report) {
    const clips = report.clips.filter((clip) => clip.seconds);
    if (!clips.length) return;
    const stages = stagesOf(clips);
    const raw = stages.map((stage) => clips.map((clip) => clip.seconds[stage] || 0));
    // Stacked: each series is the sum up to its stage, the tallest drawn first.
    const sums = raw.map((_, at) => clips.map((_, clip) => raw.slice(0, at + 1).reduce((sum, row) => sum + row[clip], 0)));
    const order = stages.map((_, at) => stages.length - 1 - at);
    const series = order.map((at) => ({
      label: stages[at],
      fill: resolved(stageColor(stages[at])),
      stroke: resolved(stageColor(stages[at])),
      width: 0,
      paths: uPlot.paths.bars({ size: [0.8, 60] }),
      points: { show: false },
      value: (plot, value, _, index) => (typeof index === "number" ? `${shown(raw[at][index])} s` : "--"),
    }));
    const options = {
      scales: { x: { time: false, range: [-0.5, clips.length - 0.5] }, y: { range: (plot, low, high) => [0, high * 1.05 || 1] } },
      axes: [
        axis({ incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 20000], values: (plot, at) => at.map((n) => n + 1), size: 30 }),
        axis({ size: 50 }),
      ],
      series: [{ label: "clip", value: (plot, at) => (at === null || at === undefined ? "--" : String(at + 1)) }, ...series],
    };
    draw("chart-seconds", options, [clips.map((_, at) => at), ...order.map((at) => sums[at])]);
  }

  function memory(report) {
    const groups = report.memory;
    if (!groups.length) return;
    document.getElementById("memory-title").textContent = `${groups[0].kind}, predicted and measured, GiB`;
    const bars = (label, key, color, align) => ({
      label,
      fill: resolved(color),
      stroke: resolved(color),
      width: 0,
      paths: uPlot.paths.bars({ size: [0.3, 60], align }),
      points: { show: false },
      value: (plot, value) => (value === null || value === undefined ? "--" : `${shown(value, 3)} GiB`),
    });
    const label = (at) => (groups[at] ? groups[at].label : "");
    const options = {
      scales: { x: { time: false, range: [-0.6, groups.length - 0.4] }, y: { range: (plot, low, high) => [0, high * 1.05 || 1] } },
      axes: [
        axis({ splits: () => groups.map((_, at) => at), values: (plot, at) => at.map((n) => (groups.length <= 4 ? label(n).replace(" ", "\n") : "")), size: 44, grid: { show: false } }),
        axis({ size: 50 }),
      ],
      series: [
        { label: "stage", value: (plot, at) => (at === null || at === undefined ? "--" : label(at)) },
        bars("predicted", "predicted", "var(--other)", -1),
        bars("measured", "measured", "var(--denoise)", 1),
      ],
    };
    draw("chart-memory", options, [groups.map((_, at) => at), groups.map((g) => g.predicted), groups.map((g) => g.measured)]);
  }

  // Redraws everything: after new data, a change of theme, or when the charts are opened.
  function show(report) {
    for (const { plot } of drawn) plot.destroy();
    drawn = [];
    // Show the boxes first: a hidden one has no width.
    for (const [id, has] of [["timeline", report.timeline.bars.length || report.timeline.workers.length], ["seconds", report.clips.some((c) => c.seconds)], ["memory", report.memory.length]]) {
      document.getElementById(`chart-${id}`).parentElement.hidden = !has;
    }
    timeline(report);
    seconds(report);
    memory(report);
  }

  function resize() {
    for (const { box, plot } of drawn) plot.setSize({ width: Math.max(280, box.clientWidth), height: plot.height });
  }

  window.vgpipeCharts = { show, resize };
})();
