// Which runs are shown: by state, by model, by the words that are searched; and in which order.
(function () {
  "use strict";
  const STATES = ["rendering", "paused", "done", "drafted", "failed", "stopped", "interrupted"];

  const { momentOf } = window.vgpipeRunCard;
  const clipsOf = (run) => Object.values(run.counts).reduce((sum, count) => sum + count, 0);

  // "2026-11-30" in local time, as it is typed into the search.
  function dayOf(run) {
    if (!momentOf(run)) return "";
    const date = new Date(momentOf(run) * 1000);
    return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
  }

  // "Today", "Yesterday", else the day itself; the heading of the runs of a day.
  function dayName(run) {
    if (!momentOf(run)) return "Time unknown";
    const date = new Date(momentOf(run) * 1000);
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    const days = Math.round((midnight - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
    if (days === 0) return "Today";
    if (days === 1) return "Yesterday";
    return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  }

  function haystack(run) {
    return [run.job, run.folder, run.model, run.state, dayOf(run), dayName(run), run.prompts].join("\n").toLowerCase();
  }

  function matches({ run, text }, wanted) {
    if (wanted.state && run.state !== wanted.state) return false;
    if (wanted.model && run.model !== wanted.model) return false;
    return wanted.words.every((word) => text.includes(word));
  }

  const ORDERS = {
    newest: null, // as the list comes
    oldest: (left, right) => momentOf(left.run) - momentOf(right.run),
    job: (left, right) => (left.run.job || left.run.folder).localeCompare(right.run.job || right.run.folder),
    clips: (left, right) => clipsOf(right.run) - clipsOf(left.run),
    time: (left, right) => right.run.seconds - left.run.seconds,
  };

  // The entries that are wanted, in the wanted order; `listed` is the newest first.
  function found(listed, wanted) {
    const kept = listed.filter((entry) => matches(entry, wanted));
    return ORDERS[wanted.sort] ? kept.sort(ORDERS[wanted.sort]) : kept;
  }

  window.vgpipeRunFilters = { STATES, haystack, found, dayName };
})();
