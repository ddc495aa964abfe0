// Cards, one per clip.
(function () {
  "use strict";
  const { make, color, stageColor, stack, total, shown, counted, pairs, table, button, previewOf } = window.vgpipeElements;
  const { playerOf } = window.vgpipeMedia;
  const { rowOf, forget } = window.vgpipeSound;

  function numbers(clip) {
    const parts = [];
    if (clip.width && clip.height) parts.push(`${clip.width}\u00d7${clip.height}`);
    if (clip.num_frames !== undefined) parts.push(counted(clip.num_frames, "frame"));
    if (clip.fps !== undefined) parts.push(`${shown(clip.fps)} fps`);
    if (clip.num_inference_steps !== undefined) parts.push(counted(clip.num_inference_steps, "step"));
    if (clip.guidance_scale !== undefined) parts.push(`guidance ${shown(clip.guidance_scale)}`);
    if (clip.seed !== undefined) parts.push(`seed ${clip.seed}`);
    return parts.join(" \u00b7 ");
  }

  function frame(clip, player) {
    const box = make("div", "media");
    const ended = clip.rejected ? "rejected" : clip.reused ? "done (reused)" : clip.state;
    const place = clip.contest && clip.contest.label ? `, ${clip.contest.label}` : "";
    const state = make("span", "state", (previewOf(clip) || ended) + place);
    state.style.background = color(clip.state);
    box.append(player ? player.element : make("span", "", missing(clip)), state);
    return box;
  }

  function missing(clip) {
    if (clip.state === "failed") return "no video";
    if (clip.state !== "done" && clip.state !== "drafted") return "no video yet";
    return clip.files ? `${clip.files[0].kind}: browsers cannot play this format` : "file missing";
  }

  function time(clip) {
    const row = make("div", "time");
    const seconds = Object.entries(clip.seconds || {});
    row.append(make("span", "", `${shown(total(clip))} s`));
    row.append(stack(seconds.map(([stage, size]) => ({ size, color: stageColor(stage), title: `${stage} ${shown(size)} s` }))));
    return row;
  }

  function gib(value) {
    return value === undefined ? undefined : `${shown(value, 3)} GiB`;
  }

  function madeOf(clip) {
    const made = clip.made;
    if (!made) return undefined;
    return `${made.model || "?"}, ${made.width || "?"}\u00d7${made.height || "?"}, ${made.num_frames === undefined ? "? frames" : counted(made.num_frames, "frame")}`;
  }

  // The images that a clip is given, and the names of what has no picture.
  function given(clip) {
    const row = make("div", "given");
    for (const one of clip.given || []) {
      const figure = make("figure");
      if (one.url) {
        const picture = make("img");
        picture.src = one.url;
        picture.alt = one.what;
        picture.loading = "lazy";
        figure.append(picture);
      }
      const caption = make("figcaption", "", one.url ? one.what : `${one.what}: ${one.name}`);
      caption.title = one.name;
      figure.append(caption);
      row.append(figure);
    }
    return row;
  }

  function moreRows(clip) {
    const seconds = Object.entries(clip.seconds || {}).map(([stage, size]) => `${stage} ${shown(size, 3)}`);
    return [
      ["name", clip.id],
      ["negative", clip.negative_prompt],
      ["model", clip.model],
      ["rendered as", madeOf(clip)],
      ["score", clip.score && `${shown(clip.score.number, 4)} (${clip.score.judge})`],
      ["contest", clip.contest && clip.contest.text],
      ["seconds", seconds.join(", ")],
      ["memory predicted", gib(clip.predicted_peak_gb)],
      ["GPU memory measured", gib(clip.peak_vram_gb)],
      ["RAM of the process", gib(clip.peak_ram_gb)],
      ["checks", (clip.checks || []).join("\n")],
      ...Object.entries(clip.measures || {}).map(([name, value]) => [name, String(Number(value.toPrecision(3)))]),
    ];
  }

  function shotsTable(clip) {
    const rows = clip.shots.map((shot, at) => [at + 1, shot.num_frames, shot.cut ? "cut" : "", shot.prompt]);
    return table(["shot", "frames", "", "prompt"], rows);
  }

  function segmentsTable(clip) {
    const rows = clip.segments.map((part, at) => [
      at + 1,
      typeof part.shot === "number" ? part.shot + 1 : "",
      part.delivered ? `${part.delivered[0]}-${part.delivered[1] - 1}` : "",
      part.num_inference_steps,
      part.seed,
      shown(total(part)),
    ]);
    return table(["segment", "shot", "frames", "steps", "seed", "seconds"], rows);
  }

  function fillMore(box, clip) {
    box.replaceChildren(pairs(moreRows(clip)));
    if (clip.shots) box.append(shotsTable(clip));
    if (clip.segments) box.append(segmentsTable(clip));
    if (previewOf(clip)) box.append(make("p", "note", "Other steps or guidance than the draft's need a new render:"));
    box.append(make("pre", "", clip.command || `No command re-renders this clip: ${clip.no_command}.`));
  }

  function more(clip, element) {
    const details = make("details");
    const box = make("div", "more");
    details.append(make("summary", "", "Details"), box);
    details.addEventListener("toggle", () => {
      element.classList.toggle("open", details.open);
      if (details.open && !box.hasChildNodes()) fillMore(box, clip);
    });
    return details;
  }

  function buttons(clip) {
    const row = make("div", "buttons");
    row.append(button("pick", "pick", previewOf(clip) ? "mark to be finished (p)" : "mark for a final render (p)"));
    const copy = button("copy command", "copy", clip.command || clip.no_command);
    copy.disabled = !clip.command;
    const links = make("span", "links");
    links.append(...(clip.files || []).map(link));
    if (clip.preview) links.append(link({ kind: "preview", url: clip.preview }));
    row.append(copy, links);
    return row;
  }

  function link(file) {
    const element = make("a", "", file.kind);
    element.href = file.url;
    element.target = "_blank";
    element.rel = "noopener";
    return element;
  }

  function notes(clip) {
    const found = [];
    if (clip.error) found.push(make("p", "note bad", `${clip.rejected ? "rejected" : clip.state}: ${clip.error}`));
    if (clip.degradations) found.push(make("p", "note warn", `degraded: ${clip.degradations.join("\n")}`));
    for (const text of clip.notes || []) found.push(make("p", "note", `note: ${text}`));
    for (const note of found) note.dir = "auto";
    return found;
  }

  // Fills an empty card; its media get their URLs only from `load`.
  function fill(element, clip) {
    if (element.player) {
      forget(element.player);
      element.player.unload();
    }
    element.player = playerOf(clip);
    const body = make("div", "body");
    const prompt = make("p", "prompt", clip.prompt === undefined ? "(no prompt)" : clip.prompt);
    prompt.dir = "auto";
    body.append(prompt, make("p", "numbers", numbers(clip)));
    if (clip.given) body.append(given(clip));
    const heard = rowOf(clip, element.player);
    if (heard) body.append(heard);
    if (clip.seconds) body.append(time(clip));
    body.append(...notes(clip), more(clip, element), buttons(clip));
    element.classList.remove("open");
    element.replaceChildren(frame(clip, element.player), body);
  }

  const load = (element) => element.player && element.player.load();
  const unload = (element) => element.player && element.player.unload();

  // `wanted`: whether to play; undefined toggles.
  function play(element, wanted) {
    const { player } = element;
    if (!player) return;
    player.load();
    const plays = wanted === undefined ? !player.isPlaying() : wanted;
    if (plays) player.play();
    else player.pause();
  }

  window.vgpipeCards = { fill, load, unload, play };
})();
