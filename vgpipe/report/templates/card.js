// Cards: one clip each. Everything that comes from a record is set as text, never as markup.
(function () {
  "use strict";
  const STAGES = ["encode", "denoise", "decode", "export"];

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = String(text);
    return element;
  }

  function color(name) {
    return `var(--${name}, var(--other))`;
  }

  function stageColor(stage) {
    return color(STAGES.includes(stage) ? stage : "other");
  }

  function total(clip) {
    return Object.values(clip.seconds || {}).reduce((sum, seconds) => sum + seconds, 0);
  }

  function shown(number, digits) {
    return Number(number.toFixed(digits === undefined ? 2 : digits)).toString();
  }

  function stack(parts) {
    const bar = make("div", "stack");
    for (const part of parts) {
      const span = make("span");
      span.style.flexGrow = String(part.size);
      span.style.background = part.color;
      span.title = part.title;
      bar.append(span);
    }
    return bar;
  }

  function numbers(clip) {
    const told = [];
    if (clip.width && clip.height) told.push(`${clip.width}\u00d7${clip.height}`);
    if (clip.num_frames !== undefined) told.push(`${clip.num_frames} frames`);
    if (clip.fps !== undefined) told.push(`${shown(clip.fps)} fps`);
    if (clip.num_inference_steps !== undefined) told.push(`${clip.num_inference_steps} steps`);
    if (clip.guidance_scale !== undefined) told.push(`guidance ${shown(clip.guidance_scale)}`);
    if (clip.seed !== undefined) told.push(`seed ${clip.seed}`);
    return told.join(" \u00b7 ");
  }

  function showable(clip) {
    return (clip.files || []).find((file) => file.show !== "link");
  }

  function cannotPlay(video, file) {
    if (video.error.code === MediaError.MEDIA_ERR_ABORTED) return;
    video.replaceWith(make("span", "", `${file.kind}: this browser cannot play it`));
  }

  function media(clip) {
    const box = make("div", "media");
    const state = make("span", "state", clip.reused ? "done (reused)" : clip.state);
    state.style.background = color(clip.state);
    const file = showable(clip);
    if (file && file.show === "video") {
      const video = make("video");
      video.muted = video.loop = video.playsInline = true;
      video.preload = "metadata"; // which also shows the first frame
      video.dataset.url = file.url;
      video.addEventListener("error", () => video.hasAttribute("src") && cannotPlay(video, file));
      box.append(video);
    } else if (file) {
      const image = make("img");
      image.alt = "";
      image.decoding = "async";
      image.dataset.url = file.url;
      box.append(image);
    } else {
      const done = clip.files ? `${clip.files[0].kind}: not a kind that browsers play` : "its file is not here";
      const missing = { done, failed: "no video" };
      box.append(make("span", "", missing[clip.state] || "no video yet"));
    }
    box.append(state);
    return box;
  }

  function time(clip) {
    const row = make("div", "time");
    const seconds = Object.entries(clip.seconds || {});
    row.append(make("span", "", `${shown(total(clip))} s`));
    row.append(stack(seconds.map(([stage, size]) => ({ size, color: stageColor(stage), title: `${stage} ${shown(size)} s` }))));
    return row;
  }

  function pairs(rows) {
    const list = make("dl");
    for (const [label, value] of rows) {
      if (value === undefined || value === null || value === "") continue;
      const cell = make("dd", "", value);
      cell.dir = "auto";
      list.append(make("dt", "", label), cell);
    }
    return list;
  }

  function table(head, rows) {
    const box = make("div", "scroll");
    const element = make("table");
    const top = make("tr");
    top.append(...head.map((text) => make("th", "", text)));
    element.append(top);
    for (const row of rows) {
      const line = make("tr");
      line.append(...row.map((text) => make("td", "", text === undefined || text === null ? "" : text)));
      element.append(line);
    }
    box.append(element);
    return box;
  }

  function gib(value) {
    return value === undefined ? undefined : `${shown(value, 3)} GiB`;
  }

  function madeOf(clip) {
    const made = clip.made;
    if (!made) return undefined;
    return `${made.model || "?"}, ${made.width || "?"}\u00d7${made.height || "?"}, ${made.num_frames || "?"} frames`;
  }

  function moreRows(clip) {
    const seconds = Object.entries(clip.seconds || {}).map(([stage, size]) => `${stage} ${shown(size, 3)}`);
    return [
      ["name", clip.id],
      ["negative", clip.negative_prompt],
      ["model", clip.model],
      ["made in its place", madeOf(clip)],
      ["seconds", seconds.join(", ")],
      ["memory predicted", gib(clip.predicted_peak_gb)],
      ["GPU memory measured", gib(clip.peak_vram_gb)],
      ["RAM of the process", gib(clip.peak_ram_gb)],
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
    box.append(make("pre", "", clip.command || `No command line renders it again: ${clip.no_command}.`));
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

  function button(text, act, title) {
    const element = make("button", act, text);
    element.type = "button";
    element.dataset.act = act;
    if (title) element.title = title;
    return element;
  }

  function buttons(clip) {
    const row = make("div", "buttons");
    row.append(button("pick", "pick", "mark it for a final rendering (p)"));
    const copy = button("copy command", "copy", clip.command || clip.no_command);
    copy.disabled = !clip.command;
    row.append(copy);
    const file = (clip.files || [])[0];
    if (file) {
      const link = make("a", "", file.kind);
      link.href = file.url;
      link.target = "_blank";
      link.rel = "noopener";
      row.append(link);
    }
    return row;
  }

  function notes(clip) {
    const found = [];
    if (clip.error) found.push(make("p", "note bad", `${clip.state}: ${clip.error}`));
    if (clip.degradations) found.push(make("p", "note warn", `degraded: ${clip.degradations.join("\n")}`));
    for (const note of found) note.dir = "auto";
    return found;
  }

  // Fills an empty card; its media get their addresses only from `load`.
  function fill(element, clip) {
    const body = make("div", "body");
    const prompt = make("p", "prompt", clip.prompt === undefined ? "(no prompt)" : clip.prompt);
    prompt.dir = "auto";
    body.append(prompt, make("p", "numbers", numbers(clip)));
    if (clip.seconds) body.append(time(clip));
    body.append(...notes(clip), more(clip, element), buttons(clip));
    element.classList.remove("open");
    element.replaceChildren(media(clip), body);
  }

  function load(element) {
    for (const item of element.querySelectorAll("video, img")) {
      if (!item.hasAttribute("src")) item.src = item.dataset.url;
    }
  }

  // A browser has only so many decoders: a video that is far away gives its own back.
  function unload(element) {
    for (const video of element.querySelectorAll("video[src]")) {
      video.pause();
      video.removeAttribute("src");
      video.load();
    }
  }

  function play(element, wanted) {
    const video = element.querySelector("video");
    if (!video) return;
    load(element);
    const plays = wanted === undefined ? video.paused : wanted;
    if (plays) video.play().catch(() => {}); // it left the screen before it could begin
    else video.pause();
  }

  window.vgpipeCards = { make, color, stageColor, stack, total, shown, pairs, fill, load, unload, play };
})();
