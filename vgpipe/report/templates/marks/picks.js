// The picked clips, and the commands that finish those that are drafts and render the others at a higher quality.
(function () {
  "use strict";
  const { byId } = window.vgpipeElements;
  const { copy } = window.vgpipeCopy;
  const marks = window.vgpipeMarks;

  // `read` and `toggle` keep the page's own set of ids up to date.
  function read(report) {
    marks.init(report);
    return new Set(marks.picked());
  }

  function toggle(report, picks, id) {
    marks.pick(id);
    if (marks.isPicked(id)) picks.add(id);
    else picks.delete(id);
  }

  // Marks a card as picked or not.
  function mark(element, isPicked) {
    element.classList.toggle("picked", isPicked);
    const button = element.querySelector("button.pick");
    if (!button) return;
    button.setAttribute("aria-pressed", String(isPicked));
    button.textContent = isPicked ? "picked" : "pick";
  }

  function clipsOf(report, picks) {
    return report.clips.filter((clip) => picks.has(clip.id));
  }

  // Shows the bar at the bottom of the page.
  function show(report, picks) {
    const clips = clipsOf(report, picks);
    byId("picks").hidden = clips.length === 0;
    byId("picked").textContent = `${clips.length} picked`;
    byId("what-picked").textContent = doing(report, clips);
    byId("commands").textContent = lines(report, clips).join("\n");
  }

  const isContinued = (report, clip) => Boolean(report.continue_line && clip.state === "drafted" && clip.pick);

  function doing(report, clips) {
    const drafts = clips.filter((clip) => isContinued(report, clip)).length;
    const others = clips.length - drafts;
    const said = [];
    if (drafts) said.push(`continue ${drafts === 1 ? "the draft" : "the drafts"} to the last step`);
    if (others) said.push(`re-render ${drafts ? "the others" : others === 1 ? "this clip" : "these clips"} at quality=high`);
    return said.join("; ");
  }

  // A pick is that of one clip, or else its id: two sizes of one prompt and seed share a pick.
  const nameOf = (report, clip) => (report.clips.filter((one) => one.pick === clip.pick).length === 1 ? clip.pick : clip.id);

  // Drafts are finished from where they are, the others rendered again.
  function lines(report, clips) {
    const drafts = clips.filter((clip) => isContinued(report, clip));
    const picked = drafts.map((clip) => nameOf(report, clip)).join(",");
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

  window.vgpipePicks = { read, toggle, mark, clipsOf, show, copy };
})();
