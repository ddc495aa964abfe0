// Plays everything that is in the window, while that is switched on and nothing lies over the page.
(function () {
  "use strict";
  const { byId } = window.vgpipeElements;
  const { play } = window.vgpipeCards;
  const grid = byId("grid");
  const button = byId("play-all");
  const SEEN = 0.25; // share of a card
  let isOn = false;

  const watcher = new IntersectionObserver(
    (changes) => {
      for (const { target, intersectionRatio } of changes) play(target, intersectionRatio >= SEEN);
    },
    { threshold: [0, SEEN] },
  );

  function stop() {
    watcher.disconnect();
    for (const card of grid.children) if (card.player) card.player.pause();
  }

  // To be called when the cards of the grid are others.
  function changed() {
    if (!isOn) return;
    watcher.disconnect();
    for (const card of grid.children) watcher.observe(card);
  }

  function toggle() {
    isOn = !isOn;
    button.ariaPressed = String(isOn);
    if (isOn) changed();
    else stop();
  }

  function follow() {
    button.addEventListener("click", toggle);
    document.addEventListener("close", changed, true); // of a dialog; it does not bubble
  }

  // `pause`: until the dialog that is about to open closes.
  window.vgpipePlaying = { follow, changed, toggle, isOn: () => isOn, pause: () => isOn && stop() };
})();
