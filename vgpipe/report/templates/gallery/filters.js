// Filters, searches and sorts the clips. A clip is shown that has, of each group with a choice, one of the values chosen.
(function () {
  "use strict";
  const { total } = window.vgpipeElements;
  const STATES = ["done", "drafted", "failed", "rejected", "stopped", "pending", "unknown"];

  // The values of a clip in each group; those of `marks` are looked up when they are needed.
  function facetsOf(clip) {
    const { width, height, model } = { ...clip, ...clip.made };
    return {
      state: clip.rejected ? [clip.state, "rejected"] : [clip.state],
      degraded: clip.degraded || [],
      check: clip.failed_checks || [],
      model: model ? [model] : [],
      size: width && height ? [`${width}\u00d7${height}`] : [],
    };
  }

  function marked(clip, marks) {
    const found = [];
    if (marks.isPicked(clip.id)) found.push("picked");
    if (marks.isStarred(clip.id)) found.push("starred");
    if (clip.notes || marks.note(clip.id)) found.push("with notes");
    return found;
  }

  const ALWAYS = { marks: ["picked", "starred"] }; // so that the first pick does not move the page
  const GROUPS = ["state", "marks", "degraded", "check", "model", "size"];
  const valuesOf = (entry, group, marks) => (group === "marks" ? marked(entry.clip, marks) : entry.facets[group]);

  // The text that a search looks at.
  function haystack(clip) {
    const shots = (clip.shots || []).map((shot) => shot.prompt);
    const texts = [clip.id, clip.prompt, clip.negative_prompt, clip.model, clip.error, clip.seed, ...shots];
    return [...texts, ...(clip.degradations || []), ...(clip.notes || [])].filter(Boolean).join("\n").toLowerCase();
  }

  const hasWords = (entry, wanted) => wanted.words.every((word) => entry.text.includes(word));

  // Whether a clip has what is chosen of each group, `except` one.
  function matches(entry, wanted, marks, except) {
    for (const [group, values] of wanted.chosen) {
      if (group !== except && !valuesOf(entry, group, marks).some((value) => values.has(value))) return false;
    }
    return hasWords(entry, wanted);
  }

  // Returns [group, [[value, count], ...]] of each group that divides the clips; a count is what a click would show.
  function counts(entries, wanted, marks) {
    const all = [...entries];
    return GROUPS.map((group) => [group, countsOf(group, all, wanted, marks)]).filter(([, values]) => values.length);
  }

  function countsOf(group, all, wanted, marks) {
    const found = new Map((ALWAYS[group] || []).map((value) => [value, [0, 0]])); // value -> [of all, of those shown]
    for (const entry of all) {
      const values = valuesOf(entry, group, marks);
      if (!values.length) continue;
      const isShown = matches(entry, wanted, marks, group);
      for (const value of values) {
        const count = found.get(value) || [0, 0];
        found.set(value, [count[0] + 1, count[1] + (isShown ? 1 : 0)]);
      }
    }
    for (const value of wanted.chosen.get(group) || []) if (!found.has(value)) found.set(value, [0, 0]);
    const divides = [...found].some(([value, [count]]) => count < all.length || wanted.chosen.get(group)?.has(value));
    return divides ? sorted(group, [...found].map(([value, [, count]]) => [value, count])) : [];
  }

  function sorted(group, values) {
    return group === "state" ? values.sort((a, b) => STATES.indexOf(a[0]) - STATES.indexOf(b[0])) : values;
  }

  function compareSeeds(a, b) {
    // Seeds have up to 63 bits, more than a number holds.
    const [first, second] = [a, b].map(({ clip }) => (clip.seed === undefined ? -1n : BigInt(clip.seed)));
    return first < second ? -1 : first > second ? 1 : 0;
  }

  const scoreOf = (clip) => (clip.score ? clip.score.number : -Number.MAX_VALUE);
  const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

  const SORTS = {
    job: () => 0,
    prompt: (a, b) => byText(a.clip.prompt || "", b.clip.prompt || "") || compareSeeds(a, b),
    seconds: (a, b) => total(b.clip) - total(a.clip),
    name: (a, b) => byText(a.clip.id, b.clip.id),
    seed: compareSeeds,
    score: (a, b) => scoreOf(b.clip) - scoreOf(a.clip),
  };

  // Returns the entries that match, sorted.
  function found(entries, wanted, marks) {
    const kept = [...entries].filter((entry) => matches(entry, wanted, marks));
    return kept.sort((a, b) => SORTS[wanted.sort](a, b) || a.at - b.at);
  }

  window.vgpipeFilters = { facetsOf, haystack, found, counts };
})();
