// Zoom and position of what the viewer shows; the same for both clips of a comparison.
(function () {
  "use strict";
  const MOST = 64; // pixels of the screen per pixel of the clip
  const STEP = 1.5;

  // `surfaces()`: elements that each fill their pane; `size()`: [width, height] of the clip in pixels.
  function zoomOf({ surfaces, size, onChange }) {
    let [scale, x, y] = [1, 0, 0]; // of the size that fits the pane; position of the middle, in pixels of the screen

    function pane() {
      const box = surfaces()[0].parentElement;
      return [box.clientWidth, box.clientHeight];
    }

    // Pixels of the screen per pixel of the clip, at the size that fits.
    function fit() {
      const [width, height] = size();
      const [across, down] = pane();
      return width && height ? Math.min(across / width, down / height) : 1;
    }

    const pixelScale = () => 1 / (fit() * window.devicePixelRatio);
    const isFit = () => scale === 1;

    function limits() {
      const exact = pixelScale();
      return [Math.min(1, exact), Math.max(1, exact * MOST)];
    }

    function show() {
      const [width, height] = size();
      const [across, down] = pane();
      const reach = (side, room) => Math.max(0, (side * fit() * scale - room) / 2);
      const [most, deep] = [reach(width, across), reach(height, down)];
      x = Math.max(-most, Math.min(most, x));
      y = Math.max(-deep, Math.min(deep, y));
      for (const surface of surfaces()) {
        surface.style.transform = isFit() ? "" : `translate(${x}px, ${y}px) scale(${scale})`;
        surface.classList.toggle("v-pixels", !isFit());
      }
      onChange();
    }

    // `point`: [x, y] from the middle of the pane, which stays where it is.
    function set(next, point) {
      const [least, most] = limits();
      const wanted = Math.max(least, Math.min(most, next));
      const [px, py] = point || [0, 0];
      x = px - ((px - x) * wanted) / scale;
      y = py - ((py - y) * wanted) / scale;
      scale = Math.abs(wanted - 1) < 0.01 ? 1 : wanted;
      if (isFit()) [x, y] = [0, 0];
      show();
    }

    function reset() {
      [scale, x, y] = [1, 0, 0];
      show();
    }

    // Whole pixels of the screen per pixel of the clip: one, or where that is smaller than the size that fits, enough to see them.
    function toPixels(point) {
      const exact = pixelScale();
      set(exact > 1.05 ? exact : exact * Math.max(1, Math.ceil(2 / exact)), point);
    }

    return {
      set,
      reset,
      show,
      by: (factor, point) => set(scale * factor, point),
      step: (direction) => set(scale * STEP ** direction),
      toggle: (point) => (isFit() ? toPixels(point) : reset()),
      exact: () => set(pixelScale()),
      pan(dx, dy) {
        x += dx;
        y += dy;
        show();
      },
      isFit,
      canPan: () => scale > 1,
      scale: () => scale,
      // Pixels of the screen per pixel of the clip.
      pixels: () => fit() * scale * window.devicePixelRatio,
    };
  }

  window.vgpipeViewerZoom = { zoomOf };
})();
