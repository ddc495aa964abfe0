// The current card: the one that keys act on. The tab key reaches it alone, the arrows lead to the others.
(function () {
  "use strict";
  let order = [];
  let current = -1;

  // Takes the entries that are shown; the current one stays current while it is among them.
  function among(entries) {
    const kept = order[current];
    order = entries;
    current = kept ? order.indexOf(kept) : -1;
    showFocusable();
  }

  function choose(entry) {
    if (order[current]) order[current].element.classList.remove("current");
    current = order.indexOf(entry);
    if (current >= 0) order[current].element.classList.add("current");
    showFocusable();
  }

  let focusable = null;
  function showFocusable() {
    if (focusable) focusable.tabIndex = -1;
    const entry = order[Math.max(0, current)];
    focusable = entry ? entry.element : null;
    if (focusable) focusable.tabIndex = 0;
  }

  function moveTo(at) {
    if (!order.length) return;
    const { element } = order[Math.min(order.length - 1, Math.max(0, at))];
    choose(element.entry);
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  // To the card of the next row, above or below, whose middle is nearest.
  function moveRow(by) {
    if (current < 0) return moveTo(0);
    const here = order[current].element.getBoundingClientRect();
    const middle = here.left + here.width / 2;
    let best = null;
    for (let at = current + by; at >= 0 && at < order.length; at += by) {
      const there = order[at].element.getBoundingClientRect();
      const away = by * (there.top - here.top);
      if (best && away > best.away + here.height) break;
      if (away < here.height / 3) continue;
      const apart = Math.abs(there.left + there.width / 2 - middle);
      if (!best || apart < best.apart) best = { at, apart, away };
    }
    if (best) moveTo(best.at);
  }

  window.vgpipeCurrent = {
    among,
    choose,
    entry: () => order[current],
    move: (by) => moveTo(current + by),
    moveRow,
    show: (entry) => order.includes(entry) && moveTo(order.indexOf(entry)),
  };
})();
