// The card of a run: pictures, how far it is, what it does now, and what to type.
(function () {
  "use strict";
  const { button, color, counted, make, stack } = window.vgpipeElements;
  const STATES = ["done", "drafted", "failed", "stopped", "pending"];
  const COLORS = { rendering: "denoise", paused: "stopped", interrupted: "stopped" };
  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

  function duration(seconds) {
    if (seconds < 90) return `${Math.round(seconds)} s`;
    return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
  }

  function size(bytes) {
    let unit = 0;
    for (; bytes >= 1024 && unit < UNITS.length - 1; unit++) bytes /= 1024;
    return `${bytes < 10 && unit ? bytes.toFixed(1) : Math.round(bytes)} ${UNITS[unit]}`;
  }

  // "14:05" today, else with the day.
  function moment(seconds) {
    const date = new Date(seconds * 1000);
    const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    if (date.toDateString() === new Date().toDateString()) return time;
    const isThisYear = date.getFullYear() === new Date().getFullYear();
    const day = { day: "numeric", month: "short", ...(isThisYear ? {} : { year: "numeric" }) };
    return `${date.toLocaleDateString([], day)}, ${time}`;
  }

  function pictures(run) {
    const box = make("div", `pictures of${run.pictures.length}`);
    for (const url of run.pictures) {
      const image = make("img");
      image.alt = "";
      image.loading = "lazy";
      image.decoding = "async";
      image.addEventListener("error", () => image.remove());
      image.src = url;
      box.append(image);
    }
    return box;
  }

  function badge(state) {
    const element = make("span", state === "rendering" ? "badge live" : "badge", state);
    element.style.background = color(COLORS[state] || state);
    return element;
  }

  const totalOf = (run) => STATES.reduce((sum, state) => sum + (run.counts[state] || 0), 0);

  function counts(run) {
    const total = totalOf(run);
    const some = STATES.filter((state) => run.counts[state]);
    const said = some.map((state) => `${run.counts[state] === total && total > 1 ? "all" : run.counts[state]} ${state}`);
    return [counted(total, "clip"), ...said].join(" \u00b7 ");
  }

  // When a run was started, where it is active, else when it last recorded something; 0 where unknown.
  const momentOf = (run) => (run.is_active || !run.last ? run.started : run.last) || 0;

  function figures(run, wanted = "model moment duration size") {
    const at = momentOf(run);
    const known = { model: run.model, moment: at && moment(at), duration: duration(run.seconds), size: size(run.size) };
    return wanted.split(" ").map((name) => known[name]).filter(Boolean).join(" \u00b7 ");
  }

  // Clips by state; of those that are pending, the share that is being rendered has a colour of its own.
  function bar(run) {
    const parts = STATES.map((state) => ({ size: run.counts[state] || 0, color: color(state), title: state }));
    const pending = parts[STATES.length - 1];
    const ended = totalOf(run) - pending.size;
    const begun = run.now ? Math.min(pending.size, Math.max(0, run.now.fraction * totalOf(run) - ended)) : 0;
    pending.size -= begun;
    parts.splice(STATES.length - 1, 0, { size: begun, color: color("denoise"), title: "in progress" });
    return stack(parts.filter((part) => part.size > 0));
  }

  function work(worker) {
    const parts = [worker.name, worker.loading ? `loading ${worker.loading}` : worker.stage];
    if (worker.steps > 0 && worker.steps < 1e6) parts[1] += ` ${worker.step || 0}/${worker.steps}`;
    if (worker.segments) parts.push(`segment ${worker.segment} of ${worker.segments}`);
    return [...parts, worker.clip].filter(Boolean).join(" \u00b7 ");
  }

  function nowLines(run) {
    if (!run.now) return [];
    const lines = run.state === "paused" ? [] : run.now.workers.map(work).filter(Boolean);
    if (run.now.more) lines.push(`and ${counted(run.now.more, "worker")} more`);
    const share = `${Math.round(run.now.fraction * 100)} %`;
    const left = run.now.left === null ? "" : `, about ${duration(run.now.left)} left, until ${moment(Date.now() / 1000 + run.now.left)}`;
    return [`${share} done${left}`, ...lines];
  }

  function command(run, copy) {
    const box = make("div", "command");
    const act = button("copy", "copy", "copy the command that finishes this run");
    act.addEventListener("click", () => copy(run.command, act));
    box.append(make("pre", "", run.command), act);
    return box;
  }

  // Names from left to right, whatever the direction of each.
  function folder(run) {
    const line = make("p", "soft");
    run.folder.split("/").forEach((name, at) => line.append(at ? "/" : "", make("bdi", "", name)));
    line.dir = "ltr";
    return line;
  }

  function why(run) {
    if (run.state === "interrupted") return "its process was killed, or the machine went off";
    return run.reason && run.reason !== "finished" ? `stopped: ${run.reason}` : "";
  }

  function body(run, copy) {
    const box = make("div", "body");
    const link = make("a");
    link.href = run.url;
    const title = make("div", "title");
    const name = make("h3", "", run.job || run.folder);
    name.dir = "auto";
    title.append(name, ...(run.state === "done" ? [] : [badge(run.state)]));
    link.append(title, folder(run));
    box.append(link, bar(run), make("p", "soft", counts(run)), make("p", "soft", figures(run)));
    box.append(...nowLines(run).map((text) => make("p", "now", text)));
    for (const [clip, error] of run.failures) box.append(make("p", "note bad", `${clip}: ${error}`));
    if (why(run)) box.append(make("p", "note warn", why(run)));
    if (run.command) box.append(command(run, copy));
    return box;
  }

  // Fills a card; pictures that it has already stay, so that none flickers.
  function fill(element, run, copy) {
    const mark = JSON.stringify(run);
    if (element.mark === mark) return;
    element.mark = mark;
    const shown = JSON.stringify(run.pictures);
    if (element.dataset.pictures !== shown) {
      const link = make("a");
      link.href = run.url;
      link.tabIndex = -1;
      link.ariaHidden = "true";
      link.append(pictures(run));
      element.replaceChildren(link, make("div"));
      element.dataset.pictures = shown;
    }
    element.lastElementChild.replaceWith(body(run, copy));
  }

  window.vgpipeRunCard = { fill, duration, badge, pictures, figures, momentOf };
})();
