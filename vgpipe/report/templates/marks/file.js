// picks.json: the marks of a run's clips as a file, for another browser, a colleague, or `pick=picks.json`.
(function () {
  "use strict";
  const SCHEMA = 1;
  const MAX_BYTES = 16 * 2 ** 20;
  const MAX_CLIPS = 100000;
  const PICK = /^p[0-9a-f]{8}$/;

  // Returns the text of the file: a line for each clip that is marked.
  function textOf(report, marks) {
    const known = new Map(report.clips.map((clip) => [clip.id, clip]));
    const lines = marks.marked().map((id) => {
      const mark = { picked: marks.isPicked(id), starred: marks.isStarred(id), note: marks.note(id) };
      return JSON.stringify({ id, pick: known.get(id).pick || null, ...mark });
    });
    const head = { schema: SCHEMA, job: report.job || "", run: report.run, saved: new Date().toISOString() };
    const facts = Object.entries(head).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
    return `{\n${facts.join("\n")}\n  "clips": [${lines.map((line) => `\n    ${line}`).join(",")}${lines.length ? "\n  " : ""}]\n}\n`;
  }

  // Returns [{id, pick, picked, starred, note}] of a file's text; throws an Error that says what is wrong with it.
  function entriesOf(text) {
    if (text.length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 2 ** 20} MiB`);
    let document = null;
    try {
      document = JSON.parse(text);
    } catch (error) {
      throw new Error("it is not JSON");
    }
    const isOne = document !== null && typeof document === "object" && document.schema === SCHEMA && Array.isArray(document.clips);
    if (!isOne) throw new Error(`it is not a picks.json: "schema": ${SCHEMA} and "clips": [...] are needed`);
    if (document.clips.length > MAX_CLIPS) throw new Error(`it has more than ${MAX_CLIPS} clips`);
    return document.clips.map(entryOf).filter((entry) => entry.id || entry.pick);
  }

  function entryOf(value) {
    const entry = value !== null && typeof value === "object" ? value : {};
    return {
      id: typeof entry.id === "string" ? entry.id : "",
      pick: typeof entry.pick === "string" && PICK.test(entry.pick) ? entry.pick : "",
      picked: entry.picked === true,
      starred: entry.starred === true,
      note: typeof entry.note === "string" ? entry.note : "",
    };
  }

  // Adds the marks of a file's entries to those of a run: by id, or, of another run of the job, by pick. Returns how many
  // of them have a clip here.
  function add(entries, report, marks) {
    const ids = new Set(report.clips.map((clip) => clip.id));
    const byPick = new Map();
    for (const { id, pick } of report.clips) if (pick) byPick.set(pick, [...(byPick.get(pick) || []), id]);
    let found = 0;
    for (const entry of entries) {
      const here = ids.has(entry.id) ? [entry.id] : byPick.get(entry.pick) || [];
      if (here.length) found++;
      for (const id of here) {
        if (entry.picked) marks.pick(id, true);
        if (entry.starred) marks.star(id, true);
        if (entry.note) marks.setNote(id, entry.note);
      }
    }
    return found;
  }

  window.vgpipeMarksFile = { textOf, entriesOf, add };
})();
