// How the cards lie: equal rows by aspect, columns, or squares, at a size that is chosen. Both are remembered.
(function () {
  "use strict";
  const { byId } = window.vgpipeElements;
  const { remembered, remember } = window.vgpipeTheme;
  const LAYOUTS = ["rows", "masonry", "squares"];
  const SIZES = { least: 80, most: 520, phone: 96, usual: 170, step: 1.2 };
  const COLUMN = 1.25; // width of a column of masonry, in heights of a row
  const PHONE_PX = 760;
  const grid = byId("grid");
  let layout = LAYOUTS.includes(remembered("layout")) ? remembered("layout") : "rows";
  let size = Number(remembered("size")) || (innerWidth <= PHONE_PX ? SIZES.phone : SIZES.usual);

  // Runs a change of the page so that the card at the top of the window stays there, or the next that is still shown.
  function keepingPlace(cards, change) {
    const top = byId("toolbar").getBoundingClientRect().bottom;
    const isAtStart = grid.getBoundingClientRect().top >= top;
    const seen = isAtStart ? [] : cards.filter((card) => card.entry.isNear && card.getBoundingClientRect().bottom > top);
    const places = seen.map((card) => card.getBoundingClientRect().top);
    change();
    const at = seen.findIndex((card) => card.isConnected);
    if (at >= 0) scrollBy(0, seen[at].getBoundingClientRect().top - places[at]);
  }

  function setOrClear(element, names, values) {
    names.forEach((name, at) => (element.style[name] = values ? values[at] : ""));
  }

  // Each card goes to the shortest column.
  function lay() {
    const cards = [...grid.children];
    const { gap, caption, width } = measures();
    const columns = Math.max(1, Math.round((width + gap) / (size * COLUMN + gap)));
    const each = (width - gap * (columns - 1)) / columns;
    const heights = new Array(columns).fill(0);
    for (const card of cards) {
      const at = heights.indexOf(Math.min(...heights));
      setOrClear(card, ["width", "left", "top"], [`${each}px`, `${at * (each + gap)}px`, `${heights[at]}px`]);
      heights[at] += each / Number(card.style.getPropertyValue("--ratio")) + caption + gap;
    }
    grid.style.height = `${Math.max(...heights)}px`;
  }

  function measures() {
    const style = getComputedStyle(grid);
    const sides = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
    return { gap: parseFloat(style.columnGap), caption: parseFloat(style.getPropertyValue("--caption")), width: grid.clientWidth - sides };
  }

  function unlay() {
    for (const card of grid.children) setOrClear(card, ["width", "left", "top"], null);
    grid.style.height = "";
  }

  // To be called when the cards of the grid are others.
  function changed() {
    if (layout === "masonry") lay();
  }

  function show() {
    const was = grid.dataset.layout;
    grid.dataset.layout = layout;
    grid.style.setProperty("--size", `${size}px`);
    byId("size").value = String(size);
    for (const button of byId("layouts").children) button.ariaPressed = String(button.dataset.layout === layout);
    if (was === "masonry" && layout !== "masonry") unlay();
    changed();
  }

  const update = () => keepingPlace([...grid.children], show);

  function setSize(wanted) {
    size = Math.round(Math.min(SIZES.most, Math.max(SIZES.least, wanted)));
    remember("size", String(size));
    update();
  }

  function follow() {
    byId("size").addEventListener("input", (event) => setSize(Number(event.target.value)));
    byId("layouts").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      layout = button.dataset.layout;
      remember("layout", layout);
      update();
    });
    new ResizeObserver(changed).observe(document.body);
    show();
  }

  const grow = (times) => setSize(size * SIZES.step ** times);

  window.vgpipeLayout = { follow, changed, keepingPlace, grow };
})();
