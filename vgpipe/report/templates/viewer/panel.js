// The panel of the viewer: everything about a clip beside its picture.
(function () {
  "use strict";
  const { make, stageColor, total, shown, table } = window.vgpipeElements;
  const { copyButton, iconButton } = window.vgpipeViewerButtons;
  const facts = window.vgpipeViewerFacts;

  function section(title, ...parts) {
    const box = make("section", "v-section");
    if (title) box.append(make("h3", "", title));
    box.append(...parts.filter(Boolean));
    return box;
  }

  function text(words, className) {
    const element = make("p", className, words);
    element.dir = "auto";
    return element;
  }

  function quoted(title, words, what) {
    const head = make("div", "v-titled");
    head.append(make("h3", "", title), copyButton(what, words));
    const box = make("section", "v-section");
    box.append(head, text(words, "v-prompt"));
    return box;
  }

  function rows(list) {
    const box = make("dl", "v-rows");
    for (const [label, value, copied] of list) {
      const cell = make("dd");
      const words = make("span", "", value);
      words.dir = "auto";
      cell.append(words);
      if (copied) cell.append(copyButton(copied, String(value)));
      box.append(make("dt", "", label), cell);
    }
    return box;
  }

  function said(clip) {
    const found = [];
    if (clip.error) found.push(text(`${clip.rejected ? "Rejected" : clip.state === "failed" ? "Failed" : clip.state}: ${clip.error}`, "note bad"));
    for (const words of clip.degradations || []) found.push(text(`Degraded: ${words}`, "note warn"));
    for (const words of clip.notes || []) found.push(text(`Note: ${words}`, "note"));
    if (clip.contest) found.push(text(clip.contest.text, "note"));
    return found.length ? section("", ...found) : null;
  }

  function bars(list, shownAs, colorOf) {
    const longest = Math.max(...list.map(([, value]) => value));
    const box = make("div", "v-bars");
    for (const [name, value] of list) {
      const fill = make("span", "v-fill");
      fill.style.width = `${longest > 0 ? (100 * value) / longest : 0}%`;
      fill.style.background = colorOf(name);
      const track = make("span", "v-track");
      track.append(fill);
      box.append(make("span", "v-name", name), track, make("span", "v-value", shownAs(value)));
    }
    return box;
  }

  function time(clip) {
    const stages = Object.entries(clip.seconds || {});
    if (!stages.length) return clip.reused ? section("Time", text("taken from the store, made before", "v-soft")) : null;
    return section(`Time: ${facts.seconds(total(clip))}`, bars(stages, (value) => `${shown(value, 3)} s`, stageColor));
  }

  function memory(clip) {
    const found = facts.memory(clip);
    if (!found.bars.length && !found.rows.length) return null;
    const drawn = found.bars.length ? bars(found.bars, facts.gib, () => "var(--denoise)") : null;
    return section("Memory", drawn, found.rows.length ? rows(found.rows.map(([name, value]) => [name, facts.gib(value)])) : null);
  }

  function checks(clip) {
    if (!clip.checks) return null;
    const all = clip.checks.map(facts.check);
    const passed = all.filter(({ result }) => result === "passed");
    const list = make("ul", "v-checks");
    for (const { name, result, says } of all.filter((one) => !passed.includes(one))) {
      const line = make("li");
      line.append(make("strong", `v-${result}`, result), ` ${name} ${says}`);
      list.append(line);
    }
    const more = make("details");
    more.append(make("summary", "", `${passed.length} passed`), rows(passed.map(({ name, says }) => [name, says || "passed"])));
    return section("Checks", list.children.length ? list : null, passed.length ? more : null);
  }

  function given(clip) {
    if (!clip.given) return null;
    const box = make("div", "v-given");
    for (const one of clip.given) {
      const figure = make("figure");
      if (one.url) {
        const picture = make("img");
        picture.src = one.url;
        picture.alt = "";
        figure.append(picture);
      }
      figure.append(make("figcaption", "", `${one.what}: ${one.name}`));
      box.append(figure);
    }
    return section("Given", box);
  }

  function shots(clip) {
    if (!clip.shots) return null;
    const lines = clip.shots.map((shot, at) => [at + 1, shot.num_frames, shot.cut ? "cut" : "", shot.prompt]);
    return section("Shots", table(["shot", "frames", "begins with", "prompt"], lines));
  }

  function segments(clip) {
    if (!clip.segments) return null;
    const lines = clip.segments.map((part, at) => [
      at + 1,
      typeof part.shot === "number" ? part.shot + 1 : "",
      part.delivered ? `${part.delivered[0]}-${part.delivered[1] - 1}` : "",
      part.num_inference_steps,
      shown(total(part)),
      part.seed,
    ]);
    return section("Segments", table(["no.", "shot", "frames", "steps", "s", "seed"], lines));
  }

  // Each file with a link, and a button where it can stand on the stage: `acts.show(file)`, `acts.against(file)`.
  function files(clip, acts) {
    const all = [...(clip.files || []), ...(clip.preview ? [{ kind: "preview", url: clip.preview }] : [])];
    if (!all.length) return null;
    const shownFiles = window.vgpipeViewerTracks.filesOf(clip);
    const list = make("ul", "v-files");
    for (const file of all) {
      const line = make("li");
      const link = make("a", "", file.kind);
      link.href = file.url;
      link.target = "_blank";
      link.rel = "noopener";
      link.title = facts.nameOf(file.folder || file.url);
      line.append(link);
      const known = shownFiles.find((one) => one.url === file.url);
      if (known && shownFiles.length > 1) line.append(textButton("show", `show the ${file.kind} here`, () => acts.show(known)));
      if (known && file.kind === "preview") line.append(textButton("compare", "compare with the preview", () => acts.against(known)));
      list.append(line);
    }
    return section("Files", list);
  }

  function textButton(words, label, act) {
    const button = make("button", "v-text", words);
    button.type = "button";
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    return button;
  }

  function note(clip, marks) {
    if (!marks || !marks.setNote) return null;
    const area = make("textarea", "v-note");
    area.rows = 2;
    area.value = marks.note(clip.id) || "";
    area.placeholder = "your note, kept in this browser";
    area.setAttribute("aria-label", "note on this clip");
    area.addEventListener("input", () => marks.setNote(clip.id, area.value));
    return section("", area);
  }

  function command(clip) {
    if (clip.command === undefined && clip.no_command === undefined) return null;
    if (!clip.command) return section("Command", text(`No command renders this clip again: ${clip.no_command}.`, "v-soft"));
    const box = make("pre", "", clip.command);
    box.tabIndex = 0;
    const head = make("div", "v-titled");
    head.append(make("h3", "", "Command"), copyButton("command", clip.command));
    return section("", head, box);
  }

  function about(clip, { marks, acts }) {
    const judged = facts.judged(clip);
    const parts = [
      said(clip),
      quoted("Prompt", clip.prompt === undefined ? "(no prompt)" : clip.prompt, "prompt"),
      clip.negative_prompt ? quoted("Negative prompt", clip.negative_prompt, "negative prompt") : null,
      note(clip, marks),
      section("Settings", rows(facts.settings(clip))),
      command(clip),
      files(clip, acts),
      given(clip),
      time(clip),
      memory(clip),
      checks(clip),
      judged.length ? section("Measures", rows(judged)) : null,
      shots(clip),
      segments(clip),
    ];
    return parts.filter(Boolean);
  }

  // On a narrow screen the panel lies over the picture.
  function closer(acts) {
    return iconButton("close", "close details", acts.close, "i");
  }

  function fill(box, clip, options) {
    box.replaceChildren(closer(options.acts), ...about(clip, options));
  }

  // What two clips differ in, and below it all of each.
  function fillBoth(box, clips, names, options) {
    const lines = facts.differences(...clips);
    const [first, second] = names.map((name, at) => `${"AB"[at]}: ${name}`);
    const found = lines.length ? table(["setting", "A", "B"], lines) : text("Nothing but the file.", "v-soft");
    const whole = [first, second].map((name, at) => {
      const part = make("details", "v-section");
      part.append(make("summary", "", name), ...about(clips[at], options));
      return part;
    });
    found.classList.add("v-differs");
    box.replaceChildren(closer(options.acts), section("What differs", found), ...whole);
  }

  window.vgpipeViewerPanel = { fill, fillBoth };
})();
