// The dialog of the viewer, built by script: bar, stage, controls, strip, panel, help.
(function () {
  "use strict";
  const { make } = window.vgpipeElements;
  const { iconButton } = window.vgpipeViewerButtons;
  const SPEEDS = [0.1, 0.25, 0.5, 1, 2];

  function pane(name) {
    const box = make("div", "v-pane");
    box.dataset.pane = name;
    const surface = make("div", "v-surface");
    const tag = make("span", "v-tag");
    box.append(surface, tag);
    return { box, surface, tag };
  }

  function select(label, options, act) {
    const element = make("select", "v-select");
    element.setAttribute("aria-label", label);
    element.title = label;
    for (const [value, text] of options) {
      const option = make("option", "", text);
      option.value = value;
      element.append(option);
    }
    element.addEventListener("change", () => act(element.value));
    return element;
  }

  function bar(acts) {
    const box = make("div", "v-bar");
    const parts = {
      close: iconButton("close", "close", acts.close, "Escape"),
      place: make("span", "v-place"),
      title: make("h2", "v-title"),
      star: iconButton("star", "star", acts.star, "s"),
      pick: iconButton("check", "pick", acts.pick, "p"),
      compare: iconButton("compare", "compare with another clip", acts.compare, "b"),
      full: iconButton("full", "full screen", acts.full, "f"),
      keys: iconButton("help", "keys", acts.keys, "?"),
      details: iconButton("details", "details", acts.details, "i"),
    };
    parts.title.dir = "auto";
    parts.full.hidden = !document.fullscreenEnabled;
    box.append(...Object.values(parts));
    return { box, ...parts };
  }

  function stage(acts) {
    const box = make("div", "v-stage");
    box.tabIndex = -1;
    const panes = make("div", "v-panes");
    const [first, second] = [pane("a"), pane("b")];
    panes.append(first.box, second.box);
    const wipe = make("div", "v-wipe");
    wipe.tabIndex = 0;
    wipe.setAttribute("role", "slider");
    wipe.setAttribute("aria-label", "how much of A is seen");
    wipe.setAttribute("aria-valuemin", "0");
    wipe.setAttribute("aria-valuemax", "100");
    wipe.append(make("span", "v-grip"));
    const previous = iconButton("previous", "previous clip", () => acts.move(-1), "left arrow");
    const next = iconButton("next", "next clip", () => acts.move(1), "right arrow");
    const message = make("p", "v-message");
    box.append(panes, wipe, previous, next, message);
    return { box, panes, first, second, wipe, previous, next, message };
  }

  function range() {
    const element = make("input", "v-scrub");
    element.type = "range";
    element.min = "0";
    element.step = "1";
    element.setAttribute("aria-label", "frame");
    return element;
  }

  function controls(acts) {
    const box = make("div", "v-controls");
    const track = make("div", "v-line");
    const scrub = range();
    track.append(scrub);
    const row = make("div", "v-row");
    const parts = {
      back: iconButton("back", "frame before", () => acts.step(-1), ","),
      play: iconButton("play", "play", acts.toggle, "space"),
      forth: iconButton("forth", "frame after", () => acts.step(1), "."),
      time: make("span", "v-time"),
      sound: iconButton("muted", "sound on", acts.sound, "m"),
      loop: iconButton("loop", "loop", acts.loop, "l"),
      speed: select("speed", SPEEDS.map((speed) => [String(speed), `${speed}\u00d7`]), (value) => acts.speed(Number(value))),
      zoom: make("button", "v-zoomed"),
    };
    parts.zoom.type = "button";
    parts.zoom.title = "zoom to pixels, and back (z); wheel, pinch, + and -";
    parts.zoom.addEventListener("click", acts.zoom);
    row.append(...Object.values(parts));
    box.append(track, row);
    return { box, track, scrub, ...parts };
  }

  function strip(acts) {
    const box = make("div", "v-strip");
    const list = select("neighbours", [["all", "all"], ["prompt", "same prompt"], ["seed", "same seed"]], acts.list);
    const mode = select("way to compare", [["wipe", "slider"], ["side", "side by side"], ["difference", "difference"]], acts.mode);
    const swap = iconButton("swap", "swap A and B", acts.swap, "x");
    const pictures = make("div", "v-thumbs");
    const chosen = make("div", "v-chosen");
    chosen.append(list, mode, swap);
    box.append(chosen, pictures);
    return { box, list, mode, swap, pictures };
  }

  // Returns the parts of a new dialog; `acts` are the names of what its buttons do.
  function build(acts) {
    const dialog = make("dialog", "viewer");
    dialog.setAttribute("aria-modal", "true");
    dialog.setAttribute("aria-label", "Viewer");
    const shell = make("div", "v-shell"); // a dialog itself cannot be shown on the full screen
    const parts = { bar: bar(acts), stage: stage(acts), controls: controls(acts), strip: strip(acts) };
    const panel = make("aside", "v-panel");
    panel.setAttribute("aria-label", "Details");
    panel.tabIndex = 0;
    const help = make("div", "v-guide");
    help.hidden = true;
    const announced = make("p", "v-announced");
    announced.setAttribute("aria-live", "polite");
    const main = make("div", "v-main");
    main.append(parts.stage.box, parts.controls.box, parts.strip.box);
    shell.append(parts.bar.box, main, panel, help, announced);
    dialog.append(shell);
    document.body.append(dialog);
    return { dialog, shell, panel, help, announced, main, ...parts };
  }

  window.vgpipeViewerLayout = { build, SPEEDS };
})();
