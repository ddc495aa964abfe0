// Filters, searches and sorts the clips.
(function () {
  "use strict";
  const { total } = window.vgpipeElements;

  // The text that a search looks at.
  function haystack(clip) {
    const shots = (clip.shots || []).map((shot) => shot.prompt);
    const texts = [clip.id, clip.prompt, clip.negative_prompt, clip.model, clip.error, clip.seed, ...shots];
    return [...texts, ...(clip.degradations || []), ...(clip.notes || [])].filter(Boolean).join("\n").toLowerCase();
  }

  // `wanted`: {state, words, sort}; `picks`: ids of the clips that are picked.
  function matches(entry, wanted, picks) {
    return isOf(entry.clip, wanted.state, picks) && wanted.words.every((word) => entry.text.includes(word));
  }

  function isOf(clip, state, picks) {
    if (!state) return true;
    if (state === "rejected") return Boolean(clip.rejected);
    if (state === "degraded") return Boolean(clip.degradations);
    if (state === "with notes") return Boolean(clip.notes);
    return state === "picked" ? picks.has(clip.id) : clip.state === state;
  }

  function compareSeeds(a, b) {
    // Seeds have up to 63 bits, more than a number holds.
    const [first, second] = [a, b].map(({ clip }) => (clip.seed === undefined ? -1n : BigInt(clip.seed)));
    return first < second ? -1 : first > second ? 1 : 0;
  }

  const scoreOf = (clip) => (clip.score ? clip.score.number : -Number.MAX_VALUE);

  const SORTS = {
    job: () => 0,
    seconds: (a, b) => total(b.clip) - total(a.clip),
    name: (a, b) => (a.clip.id < b.clip.id ? -1 : a.clip.id > b.clip.id ? 1 : 0),
    seed: compareSeeds,
    score: (a, b) => scoreOf(b.clip) - scoreOf(a.clip),
  };

  // Returns the entries that match, sorted.
  function found(entries, wanted, picks) {
    const kept = [...entries].filter((entry) => matches(entry, wanted, picks));
    return kept.sort((a, b) => SORTS[wanted.sort](a, b) || a.at - b.at);
  }

  window.vgpipeFilters = { haystack, found };
})();
