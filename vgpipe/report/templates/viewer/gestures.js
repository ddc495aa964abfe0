// Pointer, wheel and fingers on the picture: tap, double tap, drag, swipe, pinch.
(function () {
  "use strict";
  const TAP_PX = 8;
  const TAP_MS = 350;
  const SWIPE_PX = 60;
  const WHEEL = 0.0016;
  const PINCHED = 0.012; // a touch pad's pinch comes as a wheel with ctrl

  // `acts`: {tap, swipe(direction), drop, moveWipe(x) -> whether it took it, drag(dx)}; `zoom` as in zoom.js.
  function follow(stage, zoom, acts) {
    const fingers = new Map(); // pointer id -> [x, y]
    let start = null; // {x, y, when, isPinch, hasMoved}
    let lastTap = { when: -1000, x: 0, y: 0 };

    // From the middle of the pane that a point is in.
    function middled(clientX, clientY) {
      const under = [...stage.querySelectorAll(".v-pane")].filter((pane) => !pane.hidden).map((pane) => pane.getBoundingClientRect());
      const box = under.find((one) => clientX >= one.left && clientX <= one.right && clientY >= one.top && clientY <= one.bottom) || stage.getBoundingClientRect();
      return [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
    }

    function spread() {
      const [[ax, ay], [bx, by]] = [...fingers.values()];
      return { distance: Math.hypot(ax - bx, ay - by), x: (ax + bx) / 2, y: (ay + by) / 2 };
    }

    function onDown(event) {
      if (event.button !== 0 || event.target.closest("button, a, [role=slider]")) return;
      stage.setPointerCapture(event.pointerId);
      stage.focus({ preventScroll: true }); // not every browser does that by itself
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      if (fingers.size === 1) start = { x: event.clientX, y: event.clientY, when: event.timeStamp, isPinch: false, hasMoved: false };
      else if (start) start.isPinch = true;
    }

    function onMove(event) {
      if (!fingers.has(event.pointerId) || !start) return;
      const before = fingers.size === 2 ? spread() : null;
      const [x, y] = fingers.get(event.pointerId);
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      if (Math.hypot(event.clientX - start.x, event.clientY - start.y) > TAP_PX) start.hasMoved = true;
      if (before) pinch(before, spread());
      else if (!start.isPinch && start.hasMoved) drag(event, event.clientX - x, event.clientY - y);
    }

    function pinch(before, now) {
      zoom.by(now.distance / Math.max(1, before.distance), middled(now.x, now.y));
      zoom.pan(now.x - before.x, now.y - before.y);
    }

    function drag(event, dx, dy) {
      if (zoom.canPan()) zoom.pan(dx, dy);
      else if (!acts.moveWipe(event.clientX) && event.pointerType !== "mouse") acts.drag(event.clientX - start.x);
    }

    function onUp(event) {
      if (!fingers.delete(event.pointerId) || !start || fingers.size) return;
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      const { isPinch, hasMoved, when } = start;
      start = null;
      acts.drag(0);
      if (isPinch || event.type === "pointercancel") return;
      if (!hasMoved && event.timeStamp - when < TAP_MS) tap(event);
      else if (hasMoved && !zoom.canPan() && event.pointerType !== "mouse") swipe(dx, dy);
    }

    function tap(event) {
      acts.tap(); // twice does nothing, so nobody waits for a second tap
      const isSecond = event.timeStamp - lastTap.when < TAP_MS && Math.hypot(event.clientX - lastTap.x, event.clientY - lastTap.y) < 30;
      if (isSecond) zoom.toggle(middled(event.clientX, event.clientY));
      lastTap = { when: isSecond ? -1000 : event.timeStamp, x: event.clientX, y: event.clientY };
    }

    function swipe(dx, dy) {
      if (acts.moveWipe(null)) return;
      if (Math.abs(dx) > SWIPE_PX && Math.abs(dx) > 1.5 * Math.abs(dy)) acts.swipe(dx < 0 ? 1 : -1);
      else if (dy > 1.5 * SWIPE_PX && dy > 1.5 * Math.abs(dx)) acts.drop();
    }

    function onWheel(event) {
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      zoom.by(Math.exp(-pixels * (event.ctrlKey ? PINCHED : WHEEL)), middled(event.clientX, event.clientY));
    }

    stage.addEventListener("pointerdown", onDown);
    stage.addEventListener("pointermove", onMove);
    for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, onUp);
    stage.addEventListener("wheel", onWheel, { passive: false });
  }

  window.vgpipeViewerGestures = { follow };
})();
