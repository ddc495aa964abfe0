// What the controls of the viewer show: the frame, the time, and which buttons there are.
(function () {
  "use strict";
  const { shown } = window.vgpipeElements;
  const { relabel } = window.vgpipeViewerButtons;
  const { SPEEDS } = window.vgpipeViewerLayout;

  // `parts` as in layout.js; `player` as in transport.js.
  function controlsOf(parts, player, focusStage) {
    let last = null;
    let wave = null;

    function showPlaying() {
      const name = player.isPlaying() ? "pause" : "play";
      if (parts.play.dataset.shows === name) return;
      parts.play.dataset.shows = name;
      relabel(parts.play, name, name, "space");
    }

    // Called on each frame of the screen: writes only what has changed.
    function show() {
      showPlaying();
      const { at, of, seconds, length } = player.frame();
      const words = of ? `${at + 1} / ${of} \u00b7 ${seconds.toFixed(2)} / ${shown(length)} s` : "";
      if (words === last) return;
      last = words;
      parts.time.textContent = words;
      parts.time.title = "frame, time";
      for (const part of [parts.scrub, parts.back, parts.forth]) part.disabled = of < 2;
      parts.scrub.max = String(Math.max(0, of - 1));
      parts.scrub.value = String(at);
      parts.scrub.style.setProperty("--done", `${of > 1 ? (100 * at) / (of - 1) : 0}%`);
      parts.scrub.setAttribute("aria-valuetext", of ? `frame ${at + 1} of ${of}, ${seconds.toFixed(2)} s` : "cannot be searched");
    }

    function showSound(clip, track, isHeard) {
      const has = Boolean(clip.sound && track && track.setMuted);
      parts.sound.hidden = !has;
      if (wave) wave.remove();
      wave = has && window.vgpipeSound ? window.vgpipeSound.waveform(clip.sound) : null;
      if (wave) parts.track.prepend(wave);
      parts.sound.setAttribute("aria-pressed", String(isHeard));
      relabel(parts.sound, isHeard ? "sound" : "muted", isHeard ? "sound off" : "sound on", "m");
    }

    function showZoom(zoom) {
      const pixels = zoom.pixels();
      const size = pixels >= 10 ? Math.round(pixels) : Number(pixels.toFixed(pixels < 1 ? 2 : 1));
      parts.zoom.textContent = zoom.isFit() ? `fit ${size}\u00d7` : `${size}\u00d7`;
      parts.zoom.setAttribute("aria-pressed", String(!zoom.isFit()));
parts.zoom.setAttribute("aria-label", `${parts.zoom.textContent} pixels of the screen per pixel: zoom to pixels, and back`);
    }

    function showLoop(isLooping) {
      parts.loop.setAttribute("aria-pressed", String(isLooping));
    }

    // The speed `by` places further.
    function faster(rate, by) {
      const at = SPEEDS.indexOf(rate) + by;
      return SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at))];
    }

    parts.scrub.addEventListener("input", () => {
      player.pause();
      player.toFrame(Number(parts.scrub.value));
    });
    // The arrows are for clips again, once the mouse button is up.
    parts.scrub.addEventListener("pointerup", focusStage);

    return { show, showSound, showZoom, showLoop, faster, showSpeed: (rate) => (parts.speed.value = String(rate)) };
  }

  window.vgpipeViewerControls = { controlsOf };
})();
