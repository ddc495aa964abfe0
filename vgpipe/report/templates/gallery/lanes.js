// The timeline of a run with several workers: a lane each, what they were, and how they ended.
(function () {
  "use strict";
  const { byId, legend, make, stageColor, table } = window.vgpipeElements;
  const LANE = 26;
  const LEAST = 120;
  const AXES = 56;
  const NAME = 7; // pixels of a letter, at most
  const EXPORT = "export";
  const FAINT = 0.45; // work that is not done: of this moment, or lost

  // Of `machine/device` the end of the machine's name is left out: the device, and what machines begin with, tell more.
  function shortened(name, letters) {
    if (name.length <= letters) return name;
    const at = name.lastIndexOf("/");
    const device = at < 0 ? "" : name.slice(at).slice(0, letters - 2);
    return `${name.slice(0, letters - 1 - device.length)}\u2026${device}`;
  }

  function time(seconds) {
    const whole = Math.round(seconds);
    const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"));
    return `${Math.floor(whole / 3600)}:${parts.join(":")}`.replace(/^0:0?/, "");
  }

  function endOf(report) {
    const { started, ended, bars } = report.timeline;
    const last = bars.reduce((end, bar) => Math.max(end, bar[1] + bar[2]), 1);
    return Math.max(last, (ended || report.written) - started);
  }

  function painter(report, end, resolved) {
    const { bars, stages, workers } = report.timeline;
    const colors = stages.map((stage) => resolved(stageColor(stage)));
    const there = resolved("var(--sunk)");
    const marks = { died: resolved("var(--failed)"), retired: resolved("var(--stopped)") };
    return (plot) => {
      const { ctx, bbox } = plot;
      const x = (at) => plot.valToPos(at, "x", true);
      const y = (lane, share) => plot.valToPos(workers.length - lane - share, "y", true);
      const box = (lane, from, to, top, bottom, color) => {
        ctx.fillStyle = color;
        ctx.fillRect(x(from), y(lane, top), Math.max(1, x(to) - x(from) - 0.5), y(lane, bottom) - y(lane, top));
      };
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      workers.forEach(({ spans }, lane) => {
        for (const [from, to] of spans) box(lane, from, to === null ? end : to, 0.08, 0.92, there);
      });
      ctx.globalAlpha = FAINT;
      workers.forEach(({ unfinished }, lane) => {
        for (const [stage, from, to] of unfinished) box(lane, from, to === null ? end : to, 0.16, 0.72, colors[stages.indexOf(stage)] || there);
      });
      ctx.globalAlpha = 1;
      for (const [stage, start, seconds, lane] of bars) {
        const isExport = stages[stage] === EXPORT; // runs beside the other stages
        box(lane, start, start + seconds, isExport ? 0.76 : 0.16, isExport ? 0.88 : 0.72, colors[stage]);
      }
      workers.forEach(({ spans }, lane) => {
        for (const [, to, how] of spans) if (marks[how]) mark(ctx, x(to), y(lane, 0.08), y(lane, 0.92), marks[how]);
      });
      ctx.restore();
    };
  }

  function mark(ctx, at, top, bottom, color) {
    const half = (bottom - top) / 4;
    const middle = (top + bottom) / 2;
    ctx.strokeStyle = color;
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(at, top);
    ctx.lineTo(at, bottom);
    ctx.moveTo(at - half, middle - half);
    ctx.lineTo(at + half, middle + half);
    ctx.moveTo(at - half, middle + half);
    ctx.lineTo(at + half, middle - half);
    ctx.stroke();
  }

  // The share of its time in which it worked, exports left out, since they run beside the other stages.
  function busy(report, lane, end) {
    const { bars, stages, workers } = report.timeline;
    const there = workers[lane].spans.reduce((sum, [from, to]) => sum + (to === null ? end : to) - from, 0);
    const mine = bars.filter((bar) => bar[3] === lane && stages[bar[0]] !== EXPORT);
    const begun = workers[lane].unfinished.reduce((sum, [, from, to]) => sum + (to === null ? end : to) - from, 0);
    const worked = mine.reduce((sum, bar) => sum + bar[2], begun);
    return there > 0 ? `${Math.min(100, Math.round((100 * worked) / there))} %` : "";
  }

  function rows(report, end) {
    const { workers, more_workers: more } = report.timeline;
    const hosts = new Set(workers.map(({ host }) => host));
    const head = ["worker", "device", "clips", "at work", ...(hosts.size > 1 ? ["machine"] : [])];
    const lines = workers.map(({ name, device, clips, host }, lane) => {
      return [name, device, clips, busy(report, lane, end), ...(hosts.size > 1 ? [host] : [])];
    });
    const parts = [table(head, lines)];
    if (more) parts.push(make("p", "", `and ${more} more workers`));
    const early = ends(workers);
    if (early.length) parts.push(table(["ended early", "worker", ""], early));
    byId("timeline-workers").replaceChildren(...parts);
  }

  function ends(workers) {
    const found = workers.flatMap(({ name, spans }) => spans.map(([, to, how, why]) => ({ name, to, how, why })));
    const early = found.filter(({ how }) => how).sort((one, other) => one.to - other.to);
    return early.map(({ name, to, how, why }) => [time(to), name, why ? `${how}: ${why}` : how]);
  }

  // Draws the lanes; the tools are those of the other charts.
  function show(report, { draw, axis, resolved }) {
    const { stages, workers } = report.timeline;
    const end = endOf(report);
    const width = byId("chart-timeline").clientWidth;
    const letters = Math.max(16, Math.min(24, Math.floor(width / 4 / NAME)));
    const names = workers.map(({ name }) => shortened(name, letters));
    const lanes = {
      splits: () => names.map((_, lane) => names.length - lane - 0.5),
      values: () => names,
      size: 14 + NAME * Math.max(...names.map((name) => name.length)),
      grid: { show: false },
      ticks: { show: false },
    };
    const options = {
      height: AXES + Math.max(LEAST, LANE * workers.length),
      legend: { show: false },
      scales: { x: { time: false }, y: { range: [0, workers.length] } },
      axes: [axis({ label: "seconds since the start", labelSize: 18, size: 34 }), axis(lanes)],
      series: [{}, { show: true, points: { show: false } }],
      hooks: { draw: [painter(report, end, resolved)] },
    };
    draw("chart-timeline", options, [[0, end], [null, null]]);
    byId("timeline-legend").replaceChildren(...legend(stages));
    rows(report, end);
  }

  // Leaves the room of the lanes to a run without workers.
  function clear() {
    byId("timeline-legend").replaceChildren();
    byId("timeline-workers").replaceChildren();
  }

  window.vgpipeLanes = { show, clear };
})();
