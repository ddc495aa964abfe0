// What is picked, as texts: the commands that render it, names, prompts, and a job file.
(function () {
  "use strict";
  const isContinued = (report, clip) => Boolean(report.continue_line && clip.state === "drafted" && clip.pick);

  // What the commands do, in words.
  function doing(report, clips) {
    const drafts = clips.filter((clip) => isContinued(report, clip)).length;
    const others = clips.length - drafts;
    const said = [];
    if (drafts) said.push(`continue ${drafts === 1 ? "the draft" : "the drafts"} to the last step`);
    if (others) said.push(`re-render ${drafts ? "the others" : others === 1 ? "this clip" : "these clips"} at quality=high`);
    return said.join("; ");
  }

  // Where two sizes of one prompt and seed share a pick, the clip's id is its name.
  function namer(report) {
    const counts = new Map();
    for (const { pick } of report.clips) counts.set(pick, (counts.get(pick) || 0) + 1);
    return (clip) => (counts.get(clip.pick) === 1 ? clip.pick : clip.id);
  }

  // Drafts are finished from where they are, the others rendered again.
  function commands(report, clips) {
    const drafts = clips.filter((clip) => isContinued(report, clip));
    const picked = drafts.map(namer(report)).join(",");
    const others = clips.filter((clip) => !isContinued(report, clip));
    return [...(drafts.length ? [report.continue_line.replace(/PICKS(?=\]'$)/, picked)] : []), ...renders(report, others)];
  }

  // One command for all where the run had a job, which loads the model once; else one per clip.
  function renders(report, clips) {
    if (!clips.length) return [];
    if (report.pick_line && clips.every((clip) => clip.pick)) {
      return [report.pick_line.replace("PICKS", clips.map((clip) => clip.pick).join(","))];
    }
    // A clip without a command becomes a comment, so that pasting all lines still works.
    return clips.map((clip) => clip.final || `# ${clip.id.replace(/[^\w.-]+/g, "_")}: ${clip.no_command}`);
  }

  const names = (clips) => clips.map((clip) => clip.id);
  // One line each, whatever is in the prompt.
  const prompts = (clips) => clips.map((clip) => (clip.prompt || "").replace(/\s+/g, " ").trim());

  const NUMBERS = ["width", "height", "num_frames", "fps", "num_inference_steps", "guidance_scale"];
  const MARKS = /\$\{|__/; // what a job file would read as more than text
  const asText = (text) => text.replace(/[{}]/g, "$&$&");

  function canBeEntry(clip) {
    const isShort = !clip.shots && !clip.segments && !clip.given;
    return isShort && clip.prompt !== undefined && !MARKS.test(`${clip.prompt}\n${clip.negative_prompt || ""}`);
  }

  // A line of a job file, JSON. The seed is written as it is: it may have more digits than a number of JavaScript keeps.
  function entry(clip) {
    const texts = { prompt: asText(clip.prompt), negative_prompt: asText(clip.negative_prompt || "") };
    const numbers = NUMBERS.filter((name) => clip[name] !== undefined).map((name) => [name, clip[name]]);
    const fields = Object.entries({ ...texts, ...Object.fromEntries(numbers) }).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
    return `{${[...fields, ...(clip.seed === undefined ? [] : [`"seed": ${clip.seed}`])].join(", ")}}`;
  }

  // Returns {lines, left}: the job file's lines, and how many clips it cannot hold.
  function job(clips) {
    const kept = clips.filter(canBeEntry);
    return { lines: kept.map(entry), left: clips.length - kept.length };
  }

  window.vgpipeLists = { doing, commands, names, prompts, job };
})();
