// The keys of the viewer, and the list of them.
(function () {
  "use strict";
  const { make } = window.vgpipeElements;

  // [keys, what they do, act]; `acts` as in viewer.js.
  function table(acts) {
    return [
      [["ArrowLeft"], "previous clip; while comparing, another B", () => acts.move(-1)],
      [["ArrowRight"], "next clip", () => acts.move(1)],
      [["ArrowUp"], "the clip before of the same prompt", () => acts.moveByPrompt(-1)],
      [["ArrowDown"], "the next clip of the same prompt", () => acts.moveByPrompt(1)],
      [[" ", "k"], "play, pause", acts.toggle],
      [[","], "one frame back", () => acts.step(-1)],
      [["."], "one frame on", () => acts.step(1)],
      [["Home"], "first frame", () => acts.toFrame(0)],
      [["End"], "last frame", () => acts.toFrame(Infinity)],
      [["["], "slower", () => acts.faster(-1)],
      [["]"], "faster", () => acts.faster(1)],
      [["l"], "loop or not", acts.loop],
      [["m"], "sound", acts.sound],
      [["f"], "full screen", acts.full],
      [["z"], "zoom to pixels, and back", acts.zoom],
      [["+", "="], "larger", () => acts.zoomBy(1)],
      [["-"], "smaller", () => acts.zoomBy(-1)],
      [["0"], "the size that fits", acts.fit],
      [["1"], "one pixel of the clip on one of the screen", acts.exact],
      [["b"], "compare (A and B), and back", acts.compare],
      [["v"], "slider, side by side, difference", acts.nextMode],
      [["x"], "swap A and B", acts.swap],
      [["g"], "neighbours: all, same prompt, same seed", acts.nextList],
      [["p"], "pick", acts.pick],
      [["s"], "star", acts.star],
      [["n"], "write a note", acts.note],
      [["c"], "copy the command", acts.copy],
      [["i"], "details", acts.details],
      [["?"], "these keys", acts.keys],
      [["Escape"], "leave the comparison, then the viewer", acts.escape],
    ];
  }

  const NAMES = { ArrowLeft: "\u2190", ArrowRight: "\u2192", ArrowUp: "\u2191", ArrowDown: "\u2193", " ": "space", Escape: "esc" };

  function fillHelp(box, acts) {
    const list = make("dl", "v-keys");
    for (const [keys, what] of table(acts)) {
      const cell = make("dt");
      cell.append(...keys.map((key) => make("kbd", "", NAMES[key] || key)));
      list.append(cell, make("dd", "", what));
    }
    const touch = make("p", "v-soft", "Touch: swipe for the next clip, down to close; pinch or tap twice to zoom; tap to play. Mouse: wheel to zoom, drag to move.");
    const head = make("div", "v-titled");
    head.append(make("h2", "", "Keys"), window.vgpipeViewerButtons.iconButton("close", "close the list of keys", acts.keys, "?"));
    box.replaceChildren(head, touch, list);
  }

  const isArrow = (key) => key.startsWith("Arrow") || key === "Home" || key === "End";

  // What an element does with a key itself.
  function isTaken(target, key) {
    if (target.closest("textarea, input[type=text], input[type=search]")) return true;
    if (target.closest("select, input[type=range], [role=slider]")) return isArrow(key) || (key === " " && target.matches("select"));
    if (target.closest(".v-panel")) return key === " " ? target.matches("button, a, summary, .v-panel") : isArrow(key);
    return key === " " && target.matches("button, a, summary");
  }

  function follow(dialog, acts) {
    const known = new Map(table(acts).flatMap(([keys, , act]) => keys.map((key) => [key, act])));
    function onKey(event) {
      event.stopPropagation(); // the page behind has keys of its own
      if (event.key === "Escape" && event.target.matches("textarea")) {
        event.preventDefault();
        acts.focusStage();
        return;
      }
      const act = known.get(event.key);
      if (!act || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target, event.key)) return;
      event.preventDefault();
      act();
      // What had the focus may be gone.
      if (dialog.open && !dialog.contains(document.activeElement)) acts.focusStage();
    }
    dialog.addEventListener("keydown", onKey);
    document.addEventListener("keydown", (event) => dialog.open && !dialog.contains(event.target) && onKey(event), true);
  }

  window.vgpipeViewerKeys = { follow, fillHelp };
})();
