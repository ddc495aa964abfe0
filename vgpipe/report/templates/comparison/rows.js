// The rows of the grid: a prompt, and its clips in the columns. What is far off the screen is not built.
(function () {
  "use strict";
  const { make, previewOf, color, total, shown } = window.vgpipeElements;
  const { playerOf } = window.vgpipeMedia;
  const { isPlaying, playAll, stop, toggle } = window.vgpipeTogether;
  const layout = window.vgpipeAxes;
  const data = window.vgpipeComparison;
  const hasSeeds = new Set(data.rows.map((row) => row.seed)).size > 1;
  const sections = data.rows.map(rowOf);
  let areAllPlaying = false;

  function rowOf(entry, number) {
    const row = make("section", "row");
    const head = make("div", "rowhead");
    const prompt = make("h2", "prompt", entry.prompt === null ? "(no prompt)" : entry.prompt);
    prompt.dir = "auto";
    prompt.title = entry.prompt || "";
    row.playButton = make("button", "quiet");
    row.playButton.type = "button";
    row.playButton.append(window.vgpipeIcons.icon("play"), "play");
    row.playButton.setAttribute("aria-pressed", "false");
    row.playButton.addEventListener("click", () => toggle(row));
    head.append(prompt);
    if (hasSeeds && entry.seed !== null) head.append(make("p", "numbers", `seed ${entry.seed}`));
    head.append(row.playButton);
    row.append(head);
    row.setAttribute("aria-label", entry.prompt || "no prompt");
    row.text = `${entry.prompt}\n${entry.seed}`.toLowerCase();
    Object.assign(row, { number, players: [], entries: [], equip: () => equipAll(row), isNear: false, isBuilt: false });
    return row;
  }

  const stateOf = (clip) => previewOf(clip) || (clip.state === "done" ? "" : clip.state) || (clip.rejected ? "rejected" : "");

  function badgeOf(clip) {
    const text = stateOf(clip);
    if (!text) return null;
    const badge = make("span", "state", text);
    badge.style.background = color(clip.rejected ? "failed" : clip.state);
    return badge;
  }

  function captionOf(clip) {
    const seconds = total(clip);
    const memory = clip.peak_vram_gb || clip.peak_ram_gb;
    const parts = [seconds ? `${shown(seconds)} s` : clip.reused ? "from the store" : "", memory && seconds ? `${shown(memory)} GiB` : ""];
    return parts.filter(Boolean).join(" \u00b7 ");
  }

  function detailsOf(clip) {
    const parts = [
      clip.width && clip.height ? `${clip.width}\u00d7${clip.height}` : "",
      clip.num_frames ? `${clip.num_frames} frames` : "",
      clip.num_inference_steps ? `${clip.num_inference_steps} steps` : "",
      clip.seed === undefined || clip.seed === null ? "" : `seed ${clip.seed}`,
      captionOf(clip),
    ];
    return parts.filter(Boolean).join(" \u00b7 ");
  }

  // A few lines of a note; the viewer has all of it.
  function noteOf(kind, text) {
    const note = make("p", `note ${kind}`);
    note.title = text;
    note.append(make("span", "", text));
    return note;
  }

  // Compares a clip with the one before it in its row, the first with the next.
  function opened(row, entry) {
    const at = row.entries.indexOf(entry);
    const [first, second] = at > 0 ? [row.entries[at - 1], entry] : [entry, row.entries[1]];
    stop(row);
    window.vgpipeViewer.open(first.clip.id, second ? { against: second.clip.id } : undefined);
  }

  // Until its row plays, a clip is its poster alone: a page may have thousands of them near the screen.
  function showPoster(row, entry, frame, poster) {
    const picture = make("img", "poster");
    picture.alt = "";
    picture.decoding = "async";
    picture.addEventListener("error", () => equip(row, entry, frame), { once: true });
    picture.src = poster.url;
    frame.append(picture);
    return true;
  }

  // Puts a player for its clip into a cell; returns whether it has such a file.
  function equip(row, entry, frame) {
    const player = playerOf(entry.clip);
    if (!player) return false;
    player.element.loop = false; // they restart together
    frame.querySelectorAll(":scope > .poster").forEach((picture) => picture.remove());
    frame.prepend(player.element);
    row.players.push(player);
    player.load();
    return true;
  }

  function equipAll(row) {
    for (const entry of row.entries) if (entry.element.querySelector(":scope > .poster")) equip(row, entry, entry.element);
  }

  function cellOf(row, entry) {
    const box = make("div", "cell");
    if (!entry) {
      box.append(make("div", "media none", "no clip"));
      return box;
    }
    const { clip } = entry;
    const frame = make("button", "media");
    frame.type = "button";
    if (clip.width > 0 && clip.height > 0) frame.style.aspectRatio = `${clip.width} / ${clip.height}`;
    frame.title = detailsOf(clip);
    frame.addEventListener("click", () => opened(row, entry));
    row.entries.push(entry);
    const poster = (clip.files || []).find((file) => file.show === "poster");
    const isShown = poster ? showPoster(row, entry, frame, poster) : equip(row, entry, frame);
    const missing = isShown || clip.state !== "done" ? "" : "no file";
    if (missing) frame.append(make("span", "", missing));
    frame.setAttribute("aria-label", [missing || stateOf(clip), `${layout.nameOf(entry.at)}: ${detailsOf(clip)}`].filter(Boolean).join(", "));
    const badge = badgeOf(clip);
    if (badge) frame.append(badge);
    entry.element = frame;
    box.append(frame);
    const caption = captionOf(clip);
    if (caption) box.append(make("p", "numbers", caption));
    if (clip.error) box.append(noteOf("bad", clip.error));
    if (clip.degradations) box.append(noteOf("warn", `degraded: ${clip.degradations.join("\n")}`));
    for (const text of clip.notes || []) box.append(noteOf("", text));
    return box;
  }

  function build(row) {
    const columns = layout.columns();
    const wasPlaying = isPlaying(row);
    clear(row);
    row.entries = [];
    for (const line of layout.lines()) {
      const cells = make("div", "cells");
      if (line.pairs.length) cells.append(make("p", "line", line.pairs.map(([axis, value]) => `${data.axes[axis].label} ${layout.valueText(axis, value)}`).join(", ")));
      for (const column of columns) {
        const cell = cellOf(row, layout.entryAt(row.number, column, line));
        cell.classList.toggle("opens", column.opens);
        cells.append(cell);
      }
      row.append(cells);
    }
    row.isBuilt = true;
    if (wasPlaying) playAll(row);
  }

  function clear(row) {
    for (const player of row.players) player.unload();
    row.players = [];
    row.querySelectorAll(":scope > .cells").forEach((cells) => cells.remove());
    row.isBuilt = false;
  }

  function near(row, isNear) {
    row.isNear = isNear;
    if (!isNear) {
      if (isPlaying(row)) stop(row);
      for (const player of row.players) player.unload();
    } else if (row.isBuilt) for (const player of row.players) player.load();
    else build(row);
  }

  const nearby = new IntersectionObserver((changes) => changes.forEach(({ target, isIntersecting }) => near(target, isIntersecting)), { rootMargin: "500px" });
  const onScreen = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        target.isShown = isIntersecting;
        if (areAllPlaying && target.isBuilt && isIntersecting !== isPlaying(target)) toggle(target);
      }
    },
    { threshold: 0.35 },
  );

  // Builds again what is on the screen; the rest when it comes near.
  function arranged() {
    for (const row of sections) {
      if (row.isNear) build(row);
      else clear(row);
    }
  }

  function playShown(isOn) {
    areAllPlaying = isOn;
    for (const row of sections) if (isPlaying(row) !== (isOn && Boolean(row.isShown)) && row.isBuilt) toggle(row);
  }

  function find(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of sections) row.hidden = !words.every((word) => row.text.includes(word));
    return sections.filter((row) => !row.hidden).length;
  }

  function start(element) {
    element.append(...sections);
    for (const row of sections) {
      nearby.observe(row);
      onScreen.observe(row);
    }
  }

  // For the viewer: clips in the order of the page, and the element of one, built where it is far off the screen.
  const ofRow = (row) => layout.lines().flatMap((line) => layout.columns().map((column) => layout.entryAt(row.number, column, line)));
  const inOrder = () => sections.filter((row) => !row.hidden).flatMap(ofRow).filter(Boolean).map(({ clip }) => clip);
  const clips = () => layout.entries().map(({ clip }) => clip);
  const cardOf = (id) => layout.entry(id).element || null;

  function reveal(id) {
    const entry = layout.entry(id);
    const row = sections[entry.row];
    if (!row.isBuilt) build(row);
    if (entry.element) entry.element.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  window.vgpipeRows = { start, arranged, playShown, find, shown: inOrder, clips, cardOf, reveal };
})();
