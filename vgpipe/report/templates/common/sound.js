// The sound of a clip: its waveform, and a button that lets it be heard. Every video is muted until then, one is heard at a time.
(function () {
  "use strict";
  const { make, shown, counted } = window.vgpipeElements;
  const SVG = "http://www.w3.org/2000/svg";
  const HALF = 20; // height above and below the middle
  let heard = null; // {player, show}

  function drawn(name, attributes) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    return element;
  }

  function waveform(sound) {
    const svg = drawn("svg", { viewBox: `0 0 ${sound.peaks.length} ${2 * HALF}`, preserveAspectRatio: "none", class: "waveform" });
    const bars = sound.peaks.map((peak, at) => {
      const height = Math.max(0.5, (peak / 100) * HALF);
      return `M${at + 0.5} ${HALF - height}V${HALF + height}`;
    });
    svg.append(drawn("path", { d: bars.join("") }));
    const title = drawn("title", {});
    title.textContent = described(sound);
    svg.append(title);
    return svg;
  }

  function described(sound) {
    const parts = [];
    if (sound.seconds !== undefined) parts.push(`${shown(sound.seconds)} s`);
    if (sound.channels !== undefined) parts.push(counted(sound.channels, "channel"));
    if (sound.sample_rate_hz !== undefined) parts.push(`${shown(sound.sample_rate_hz / 1000, 1)} kHz`);
    if (sound.peak !== undefined) parts.push(sound.peak > 0 ? `peak ${shown(20 * Math.log10(sound.peak), 1)} dB` : "silent");
    return parts.join(" \u00b7 ");
  }

  function mute() {
    if (heard) {
      heard.player.setMuted(true);
      heard.show(false);
    }
    heard = null;
  }

  function toggle(player, show) {
    const wasHeard = heard !== null && heard.player === player;
    mute();
    if (wasHeard) return;
    heard = { player, show };
    player.setMuted(false);
    show(true);
    player.load();
    player.play();
  }

  function listen(player) {
    const button = make("button", "sound");
    button.type = "button";
    function show(isHeard) {
      button.textContent = isHeard ? "mute" : "unmute";
      button.setAttribute("aria-pressed", String(isHeard));
      button.title = isHeard ? "silence it again" : "play it with its sound";
    }
    show(false);
    button.addEventListener("click", () => toggle(player, show));
    return button;
  }

  function followTime(svg, player, parts) {
    const line = drawn("line", { y1: 0, y2: 2 * HALF, x1: 0, x2: 0, class: "now" });
    svg.append(line);
    player.element.addEventListener("timeupdate", () => {
      const { currentTime, duration } = player.element;
      const place = duration > 0 ? (currentTime / duration) * parts : 0;
      line.setAttribute("x1", place);
      line.setAttribute("x2", place);
    });
  }

  // Returns the row of a clip with sound; null for any other. Without a video that plays here it is a drawing alone.
  function rowOf(clip, player) {
    if (!clip.sound) return null;
    const row = make("div", "heard");
    const svg = waveform(clip.sound);
    if (player && player.setMuted) {
      followTime(svg, player, clip.sound.peaks.length);
      row.append(listen(player));
    }
    row.append(svg);
    return row;
  }

  // Forgets a card's player, which is about to be replaced.
  function forget(player) {
    if (heard && heard.player === player) mute();
  }

  window.vgpipeSound = { rowOf, forget, waveform };
})();
