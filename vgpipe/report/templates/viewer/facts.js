// What there is to say of a clip, as rows of [label, text, what a copy button is called].
(function () {
  "use strict";
  const { total, shown, counted, previewOf } = window.vgpipeElements;

  const gib = (value) => `${shown(value, 3)} GiB`;
  const seconds = (value) => `${shown(value, value < 10 ? 2 : 0)} s`;
  const nameOf = (url) => decodeURIComponent(url.replace(/\/$/, "").split("/").pop());

  function madeOf(made) {
    const sizes = made.width || made.height ? `${made.width || "?"}\u00d7${made.height || "?"}` : "";
    const frames = made.num_frames === undefined ? "" : counted(made.num_frames, "frame");
    const rate = made.fps === undefined ? "" : `${shown(made.fps)} fps`;
    return [made.model, sizes, frames, rate].filter(Boolean).join(", ");
  }

  function length(clip) {
    if (clip.num_frames === undefined) return undefined;
    const rate = clip.fps === undefined ? "" : ` at ${shown(clip.fps)} fps, ${shown(clip.num_frames / clip.fps)} s`;
    return counted(clip.num_frames, "frame") + rate;
  }

  // A row without a text is left out.
  function settings(clip) {
    const first = (clip.files || [])[0];
    const rows = [
      ["seed", clip.seed, "seed"],
      ["model", clip.model],
      ["size", clip.width && clip.height ? `${clip.width}\u00d7${clip.height}` : undefined],
      ["length", length(clip)],
      ["steps", clip.num_inference_steps],
      ["guidance", clip.guidance_scale === undefined ? undefined : shown(clip.guidance_scale)],
      ["draft", previewOf(clip)],
      ["rendered as", clip.made && madeOf(clip.made)],
      ["name", clip.name || clip.id, "name"],
      ["file", first && nameOf(first.folder || first.url), "file name"],
    ];
    const known = new Set(rows.map(([label]) => label));
    const swept = Object.entries(clip.labels || {}).filter(([label]) => !known.has(label));
    return [...swept, ...rows].filter(([, text]) => text !== undefined && text !== "");
  }

  function judged(clip) {
    const numbers = Object.entries(clip.measures || {}).map(([name, value]) => [name, String(Number(value.toPrecision(3)))]);
    const score = clip.score ? [["score", `${shown(clip.score.number, 4)} (${clip.score.judge})`]] : [];
    return [...score, ...numbers];
  }

  // Bars are of one quantity: of the GPU, or RAM of the whole process, in which Python and the libraries are.
  function memory(clip) {
    const { predicted_peak_gb: predicted, predicted_ram_gb: expected, peak_vram_gb: gpu, peak_ram_gb: ram } = clip;
    const known = (rows) => rows.filter(([, value]) => value !== undefined);
    if (gpu !== undefined) return { bars: known([["GPU, predicted", predicted], ["GPU, measured", gpu]]), rows: known([["RAM of the process", ram]]) };
    if (expected === undefined || ram === undefined) return { bars: [], rows: known([["predicted for the model", predicted], ["RAM of the process", ram]]) };
    return { bars: [["RAM, predicted", expected], ["RAM, measured", ram]], rows: [] };
  }

  // "name: failed (1.2, limit 1): why" -> {name, result, says}
  function check(text) {
    const [, name, result, says] = /^(.*?): (\w+)(.*)$/s.exec(text) || [null, text, "", ""];
    return { name, result, says: says.replace(/^[:\s]+/, "").replace(/^\(([^()]*)\)$/, "$1") };
  }

  // What two clips differ in: rows of [label, of the first, of the second].
  function differences(one, other) {
    const all = (clip) => {
      const files = new Set(["name", "file"]);
      const rows = settings(clip).filter(([label]) => !files.has(label));
      return new Map([
        ["prompt", clip.prompt],
        ["negative prompt", clip.negative_prompt],
        ...rows,
        ...[...memory(clip).bars, ...memory(clip).rows].map(([label, value]) => [label, gib(value)]),
        ["seconds", clip.seconds ? seconds(total(clip)) : undefined],
        ...judged(clip),
        ["state", clip.rejected ? "rejected" : clip.state],
      ]);
    };
    const [first, second] = [all(one), all(other)];
    const labels = [...new Set([...first.keys(), ...second.keys()])];
    const text = (value) => (value === undefined || value === "" ? "none" : String(value));
    return labels.map((label) => [label, text(first.get(label)), text(second.get(label))]).filter(([, a, b]) => a !== b);
  }

  // A few words that tell a clip from another one: what was set differently for its run (`labels`), else its own settings.
  function tellApart(clip, other, kind) {
    if (clip.id === other.id) return kind || "final";
    const found = Object.entries(clip.labels || {}).filter(([label, value]) => (other.labels || {})[label] !== value);
    if (found.length) return found.map((pair) => pair.join(" ")).join(" \u00b7 ");
    if (clip.prompt !== other.prompt) found.push(clip.prompt === undefined ? "no prompt" : clip.prompt);
    if (clip.seed !== other.seed) found.push(`seed ${clip.seed}`);
    if (clip.model !== other.model) found.push(clip.model);
    if (clip.num_inference_steps !== other.num_inference_steps) found.push(counted(clip.num_inference_steps || 0, "step"));
    if (clip.guidance_scale !== other.guidance_scale) found.push(`guidance ${clip.guidance_scale}`);
    if (clip.width !== other.width || clip.height !== other.height) found.push(`${clip.width}\u00d7${clip.height}`);
    return found.join(" \u00b7 ") || clip.id;
  }

  window.vgpipeViewerFacts = { settings, judged, memory, check, differences, tellApart, gib, seconds, nameOf };
})();
