// The sound of a clip, drawn.
(function () {
  "use strict";
  const { shown, counted } = window.vgpipeElements;
  const SVG = "http://www.w3.org/2000/svg";
  const HALF = 20; // height above and below the middle

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

  window.vgpipeSound = { waveform };
})();
