// The stage of the viewer: one clip, or two in one place with a slider between them, side by side, or their difference.
(function () {
  "use strict";
  const { make } = window.vgpipeElements;
  const { trackOf, filesOf } = window.vgpipeViewerTracks;
  const WIPE_KEY = 2; // percent for each press of an arrow

  function missing(clip) {
    if (clip.state === "failed") return "failed: no video";
    if (clip.state !== "done" && clip.state !== "drafted") return `${clip.state}: no video yet`;
    return (clip.files || []).length ? `${clip.files[0].kind}: browsers cannot play this format` : "the file is missing";
  }

  // `parts` as in layout.js; `player` as in transport.js; `onZoom` is called when the size changes.
  function stageOf(parts, player, onZoom) {
    const panes = [parts.first, parts.second];
    let shown = []; // [{key, clip, track}], of A and then of B
    let mode = "wipe";
    let wipe = 50; // percent of the width that A has

    const sizeOf = () => (shown[0] && shown[0].track ? shown[0].track.size() : [0, 0]);
    const zoom = window.vgpipeViewerZoom.zoomOf({ surfaces: () => panes.map(({ surface }) => surface), size: sizeOf, onChange: onZoom });

    function entryOf({ clip, file }) {
      const url = (file || filesOf(clip)[0] || { url: "" }).url;
      const key = `${clip.id}\n${url}`;
      const known = shown.find((entry) => entry.key === key);
      return known ? { ...known, clip } : { key, clip, track: trackOf(clip, file) };
    }

    function place({ track, clip }, { surface }) {
      if (track && surface.firstChild === track.element && surface.childNodes.length === 1) return;
      surface.replaceChildren(track ? track.element : make("p", "v-none", missing(clip)));
      if (track) track.ready.then((isThere) => isThere || cannotShow(track, surface));
    }

    function cannotShow(track, surface) {
      if (surface.contains(track.element)) surface.replaceChildren(make("p", "v-none", "this browser cannot show the file"));
    }

    // Beside or below: whichever makes the pictures larger.
    function arrange() {
      const isSide = shown.length === 2 && mode === "side";
      const [width, height] = sizeOf();
      const { clientWidth, clientHeight } = parts.panes;
      const fit = (across, down) => Math.min(clientWidth / across / (width || 1), clientHeight / down / (height || 1));
      parts.panes.dataset.way = isSide ? (fit(2, 1) >= fit(1, 2) ? "columns" : "rows") : shown.length === 2 ? mode : "one";
      parts.second.box.hidden = shown.length < 2;
      parts.wipe.hidden = !isWiping();
      showWipe();
      zoom.show();
    }

    const isWiping = () => shown.length === 2 && mode === "wipe";

    function showWipe() {
      parts.second.box.style.clipPath = isWiping() ? `inset(0 0 0 ${wipe}%)` : "";
      parts.first.box.style.clipPath = isWiping() ? `inset(0 ${100 - wipe}% 0 0)` : "";
      parts.wipe.style.left = `${wipe}%`;
      parts.wipe.setAttribute("aria-valuenow", String(Math.round(wipe)));
    }

    function setWipe(percent) {
      wipe = Math.max(0, Math.min(100, percent));
      showWipe();
    }

    function wipeTo(clientX) {
      const box = parts.panes.getBoundingClientRect();
      setWipe((100 * (clientX - box.left)) / box.width);
    }

    parts.wipe.addEventListener("pointerdown", (event) => {
      parts.wipe.setPointerCapture(event.pointerId);
      event.preventDefault();
      parts.wipe.focus({ preventScroll: true });
    });
    parts.wipe.addEventListener("pointermove", (event) => parts.wipe.hasPointerCapture(event.pointerId) && wipeTo(event.clientX));
    parts.wipe.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: wipe - WIPE_KEY, ArrowRight: wipe + WIPE_KEY, Home: 0, End: 100 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      setWipe(to);
    });
    new ResizeObserver(() => parts.box.isConnected && shown.length && arrange()).observe(parts.panes);

    // Shows sources {clip, file?}, one or two, with names; those already there stay as they are. Resolves when they are seen.
    async function show(sources, { names, plays, seconds }) {
      const before = shown;
      shown = sources.map(entryOf);
      shown.forEach((entry, at) => place(entry, panes[at]));
      if (shown.length < 2) parts.second.surface.replaceChildren();
      panes.forEach(({ tag }, at) => {
        tag.textContent = shown.length === 2 ? `${"AB"[at]} \u00b7 ${names[at]}` : "";
        tag.hidden = shown.length < 2;
      });
      const isOther = !before[0] || before[0].key !== shown[0].key;
      if (isOther && shown.length < 2) zoom.reset();
      arrange();
      await player.set(shown.map(({ track }) => track).filter(Boolean), { plays, seconds });
      arrange();
    }

    return {
      zoom,
      show,
      setMode(next) {
        mode = next;
        if (shown.length) arrange();
      },
      isWiping,
      wipeTo,
      // The track that is heard and measured: that of A.
      track: () => (shown[0] ? shown[0].track : null),
      tracks: () => shown.map(({ track }) => track).filter(Boolean),
      clear() {
        shown = [];
        panes.forEach(({ surface }) => surface.replaceChildren());
        player.set([], { plays: false });
      },
    };
  }

  window.vgpipeViewerStage = { stageOf };
})();
