// Pointer and keyboard: hover or focus to play, click to open, shift and ctrl to pick many; keys for all of it.
(function () {
  "use strict";
  const { byId } = window.vgpipeElements;
  const hovers = matchMedia("(hover: hover)");

  function entryOf(target) {
    const card = target instanceof Element ? target.closest(".card") : null;
    return card ? card.entry : null;
  }

  // `acts`: {choose(entry), open(entry), play(entry, wanted), pick(entry), pickTo(entry), star(entry)}
  function followPointer(grid, acts) {
    function onEnter(event, plays) {
      const entry = entryOf(event.target);
      // A tap brings these events too, and a click that would stop at once what they play.
      if (hovers.matches && entry && entryOf(event.relatedTarget) !== entry) acts.play(entry, plays);
    }
    function onClick(event) {
      const button = event.target.closest("button[data-act]");
      const entry = entryOf(event.target);
      if (!entry) return;
      const isMany = event.shiftKey && (!button || button.dataset.act === "pick");
      if (isMany) acts.pickTo(entry);
      else if (button) acts[button.dataset.act](entry);
      else if (event.ctrlKey || event.metaKey) acts.pick(entry);
      else acts.open(entry);
      acts.choose(entry);
    }
    grid.addEventListener("click", onClick);
    grid.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault()); // selects no text
    grid.addEventListener("focusin", (event) => entryOf(event.target) && acts.choose(entryOf(event.target)));
    for (const name of ["mouseover", "focusin"]) grid.addEventListener(name, (event) => onEnter(event, true));
    for (const name of ["mouseout", "focusout"]) grid.addEventListener(name, (event) => onEnter(event, false));
  }

  const isOpen = () => document.querySelector("dialog[open]") !== null;

  // `acts`: those above, and {move(by), moveRow(by), current(), pickShown(), playAll(), compare(), grow(times)}
  function followKeys(acts) {
    const onCurrent = (act) => () => acts.current() && act(acts.current());
    const keys = {
      "/": () => byId("search").focus(),
      "?": () => byId("help").showModal(),
      j: () => acts.move(1),
      k: () => acts.move(-1),
      ArrowRight: () => acts.move(1),
      ArrowLeft: () => acts.move(-1),
      ArrowDown: () => acts.moveRow(1),
      ArrowUp: () => acts.moveRow(-1),
      Enter: onCurrent(acts.open),
      " ": onCurrent((entry) => acts.play(entry)),
      p: onCurrent(acts.pick),
      P: onCurrent(acts.pickTo),
      s: onCurrent(acts.star),
      a: acts.playAll,
      b: acts.compare,
      "+": () => acts.grow(1),
      "-": () => acts.grow(-1),
    };
    // Keys that a control, or the page where no card is current, has its own use for.
    const isTaken = (key, target) =>
      ([" ", "Enter"].includes(key) && (target.closest("button, summary, a") || !acts.current())) ||
      (key.startsWith("Arrow") && !target.closest("#grid"));
    document.addEventListener("keydown", (event) => {
      if (isOpen() || event.altKey || event.defaultPrevented) return;
      const target = event.target instanceof Element ? event.target : document.body;
      if (target.closest("input:not([type=range]), select, textarea")) {
        if (event.key === "Escape") target.blur();
        return;
      }
      const isAll = (event.ctrlKey || event.metaKey) && event.key === "a" && target.closest("#grid");
      if ((event.ctrlKey || event.metaKey) && !isAll) return;
      const act = isAll ? acts.pickShown : Object.hasOwn(keys, event.key) ? keys[event.key] : null;
      if (!act || isTaken(event.key, target)) return;
      event.preventDefault();
      act();
    });
  }

  window.vgpipeKeys = { followPointer, followKeys };
})();
