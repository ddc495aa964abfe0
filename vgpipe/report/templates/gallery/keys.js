// Pointer and keyboard: hover or focus to play, or tap where nothing hovers; keys move, play, pick and search.
(function () {
  "use strict";
  const { byId } = window.vgpipeElements;
  const hovers = matchMedia("(hover: hover)");

  function entryOf(target) {
    const card = target instanceof Element ? target.closest(".card") : null;
    return card ? card.entry : null;
  }

  // `acts`: {choose(entry), play(entry, wanted), pick(entry), copy(entry, button)}
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
      acts.choose(entry);
      if (!hovers.matches && event.target.closest(".media")) acts.play(entry);
      if (!button) return;
      if (button.dataset.act === "pick") acts.pick(entry);
      else acts.copy(entry, button);
    }
    grid.addEventListener("click", onClick);
    for (const name of ["mouseover", "focusin"]) grid.addEventListener(name, (event) => onEnter(event, true));
    for (const name of ["mouseout", "focusout"]) grid.addEventListener(name, (event) => onEnter(event, false));
  }

  // `acts`: {move(by), current(), play(entry), pick(entry)}
  function followKeys(acts) {
    const onCurrent = (act) => () => acts.current() && act(acts.current());
    const keys = {
      "/": () => byId("search").focus(),
      j: () => acts.move(1),
      k: () => acts.move(-1),
      " ": onCurrent(acts.play),
      p: onCurrent(acts.pick),
    };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target instanceof Element ? event.target : document.body;
      if (target.closest("input, select, textarea")) {
        if (event.key === "Escape") target.blur();
        return;
      }
      const act = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
      const isTaken = event.key === " " && (target.closest("button, summary, a") || !acts.current());
      if (!act || isTaken) return;
      event.preventDefault();
      act();
    });
  }

  window.vgpipeKeys = { followPointer, followKeys };
})();
