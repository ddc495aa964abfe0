// The bar of picked clips, which gives their commands and lists, and picks.json.
(function () {
  "use strict";
  const { byId, counted, make } = window.vgpipeElements;
  const { copy } = window.vgpipeCopy;
  const { doing, commands, names, prompts, job } = window.vgpipeLists;
  const file = window.vgpipeMarksFile;
  const marks = window.vgpipeMarks;
  const KEEPS_NOTHING = "this browser keeps no marks of this page: save picks.json";
  let report = null;
  let clips = []; // those picked

  function button(text, act, title) {
    const element = make("button", "", text);
    element.type = "button";
    if (title) element.title = title;
    element.addEventListener("click", () => act(element));
    return element;
  }

  function save(name, text, type) {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  const say = (text) => (byId("marks-said").textContent = text);
  const safe = (text) => text.replace(/[^\w.-]+/g, "-").replace(/^[-.]+|[-.]+$/g, "").slice(0, 60) || "run";
  const lines = (some) => `${some.join("\n")}\n`;

  // ---- the bar

  const EXPORTS = [
    ["copy names", (element) => copy(lines(names(clips)), element), "the clips' names, a line each"],
    ["copy prompts", (element) => copy(lines(prompts(clips)), element), "the prompts, a line each"],
    ["job file", saveJob, "a file that job= takes, with the settings of each clip"],
    ["picks.json", savePicks, "picks, stars and notes; continue and job= runs take it as pick=picks.json"],
  ];

  function saveJob() {
    const { lines: entries, left } = job(clips);
    const name = `${safe(report.job || report.run)}-picked.jsonl`;
    const without = left ? `; ${counted(left, "clip")} with shots, given files or marks of a job's own are not in it: pick=picks.json has them` : "";
    if (entries.length) save(name, lines(entries), "application/jsonl");
    byId("export-said").textContent = entries.length ? `python -m vgpipe job=${name} model=${modelOf(clips)}${without}` : without.slice(2);
  }

  function modelOf(some) {
    const models = new Set(some.map((clip) => clip.model).filter(Boolean));
    return models.size === 1 ? [...models][0] : "MODEL";
  }

  function build() {
    const bar = byId("picks");
    const head = make("div", "head");
    const parts = { picked: make("strong"), what: make("span", "grow") };
    parts.picked.id = "picked";
    parts.what.id = "what-picked";
    const copyAll = button("Copy command", (element) => copy(byId("commands").textContent, element));
    copyAll.id = "copy-picks";
    const more = button("More", toggle, "the command, and lists of what is picked");
    more.id = "more-picks";
    more.setAttribute("aria-controls", "exports");
    more.ariaExpanded = "false";
    const clear = button("Clear", () => clips.forEach(({ id }) => marks.pick(id, false)));
    clear.id = "clear-picks";
    clear.className = "quiet";
    const compare = button("Compare", () => window.vgpipeGallery.compare(), "the two side by side (b)");
    compare.id = "compare-picks";
    head.append(parts.picked, parts.what, compare, copyAll, more, clear);
    const box = make("div");
    box.id = "exports";
    box.hidden = true;
    const line = make("pre");
    line.id = "commands";
    line.tabIndex = 0;
    const row = make("div", "row");
    const said = make("span", "soft");
    said.id = "export-said";
    said.role = "status";
    row.append(...EXPORTS.map(([text, act, title]) => button(text, act, title)), said);
    box.append(line, row);
    bar.replaceChildren(head, box);
  }

  function toggle(element) {
    const isOpen = byId("exports").hidden;
    byId("exports").hidden = !isOpen;
    element.ariaExpanded = String(isOpen);
    element.textContent = isOpen ? "Less" : "More";
  }

  // Shows the bar at the bottom of the page, with the picks as they are.
  function show(data) {
    report = data;
    if (!byId("picked")) build();
    if (!byId("marks").hasChildNodes()) buildMarks();
    const picked = new Set(marks.picked());
    clips = report.clips.filter((clip) => picked.has(clip.id));
    byId("picks").hidden = clips.length === 0;
    byId("picked").textContent = `${clips.length} picked`;
    byId("what-picked").textContent = marks.isKept() ? doing(report, clips) : KEEPS_NOTHING;
    byId("compare-picks").hidden = clips.length !== 2;
    byId("commands").textContent = commands(report, clips).join("\n");
    byId("export-said").textContent = "";
    byId("save-marks").disabled = marks.marked().length === 0;
  }

  // ---- picks.json, which is there without picks too

  function savePicks() {
    const text = file.textOf(report, marks);
    save("picks.json", text, "application/json");
    say(`picks.json has the marks of ${counted(marks.marked().length, "clip")}; continue and job= runs take it as pick=picks.json`);
  }

  async function loadPicks(input) {
    const [chosen] = input.files;
    if (!chosen) return;
    try {
      const entries = file.entriesOf(await chosen.text());
      const found = file.add(entries, report, marks);
      const others = entries.length - found;
      say(`${counted(found, "clip")} marked as in ${chosen.name}${others ? `; ${others} of it ${others === 1 ? "is" : "are"} not in this run` : ""}`);
    } catch (error) {
      say(`${chosen.name}: ${error.message}`);
    }
    input.value = ""; // the same file may be loaded again
  }

  function buildMarks() {
    const input = make("input");
    input.type = "file";
    input.accept = ".json,application/json";
    input.id = "picks-file";
    input.hidden = true;
    input.addEventListener("change", () => loadPicks(input));
    const saving = button("Save picks.json", savePicks);
    saving.id = "save-marks";
    const said = make("span", "soft");
    said.id = "marks-said";
    said.role = "status";
    byId("marks").append(make("span", "soft", "picks, stars and notes"), saving, button("Load picks.json", () => input.click()), input, said);
  }

  window.vgpipePicks = { show };
})();
