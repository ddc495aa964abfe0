// Picks, stars and notes of a run's clips: one record a clip, kept in the browser under the key of the run.
(function () {
  "use strict";
  const { remembered, remember } = window.vgpipeTheme;
  const MAX_NOTE = 4000; // characters
  const listeners = new Set();
  let report = { key: "", clips: [] };
  let known = new Map(); // clip id -> its card
  let marks = new Map(); // clip id -> {picked, draft, starred, note}; absent where all are false or empty
  let changed = new Set();
  let isKept = true;

  // `draft`: the clip was a draft when it was picked.
  const EMPTY = { picked: false, draft: false, starred: false, note: "" };
  const storeName = () => `marks.${report.key}`;
  const isEmpty = (mark) => !mark.picked && !mark.starred && !mark.note;

  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch (error) {
      return null;
    }
  }

  // Takes a value that anything may have written; what is of a wrong type is left out.
  function checked(value) {
    const mark = value !== null && typeof value === "object" ? value : {};
    const note = typeof mark.note === "string" ? mark.note.slice(0, MAX_NOTE) : "";
    return { picked: mark.picked === true, draft: mark.draft === true, starred: mark.starred === true, note };
  }

  function readStored() {
    const stored = parsed(remembered(storeName()));
    if (stored === null || typeof stored !== "object" || typeof stored.clips !== "object" || stored.clips === null) return readOlder();
    const found = Object.entries(stored.clips).map(([id, mark]) => [id, checked(mark)]);
    return new Map(found.filter(([, mark]) => !isEmpty(mark)));
  }

  // Pages of older versions kept two lists of ids.
  function readOlder() {
    const list = (name) => {
      const ids = parsed(remembered(`${name}.${report.key}`));
      return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
    };
    const drafts = new Set(list("picked-drafts"));
    return new Map(list("picks").map((id) => [id, { ...EMPTY, picked: true, draft: drafts.has(id) }]));
  }

  function write() {
    const text = JSON.stringify({ schema: 1, clips: Object.fromEntries(marks) });
    remember(storeName(), text);
    isKept = remembered(storeName()) === text;
  }

  function tell(ids) {
    for (const callback of listeners) callback(ids);
  }

  // Marks made in one turn are written and reported once: a page may pick thousands of clips.
  function noteChange(id) {
    if (!changed.size) {
      queueMicrotask(() => {
        const ids = changed;
        changed = new Set();
        write();
        tell(ids);
      });
    }
    changed.add(id);
  }

  const markOf = (id) => marks.get(id) || EMPTY;

  function set(id, values) {
    const mark = { ...markOf(id), ...values };
    if (isEmpty(mark)) marks.delete(id);
    else marks.set(id, mark);
    noteChange(id);
  }

  const isDraft = (id) => known.has(id) && known.get(id).state === "drafted";

  // A draft that has been continued since is no longer picked: its command would be another one.
  function isPicked(id) {
    const mark = markOf(id);
    return mark.picked && (!mark.draft || !known.has(id) || isDraft(id));
  }

  // Takes the data of a run, each time it is loaded; reads what the browser keeps the first time.
  function init(data) {
    const isOther = data.key !== report.key;
    report = data;
    known = new Map(report.clips.map((clip) => [clip.id, clip]));
    if (isOther) marks = readStored();
    tell(new Set(marks.keys()));
  }

  // `wanted`: true or false; undefined toggles.
  function pick(id, wanted) {
    const picked = wanted === undefined ? !isPicked(id) : wanted;
    set(id, { picked, draft: picked && isDraft(id) });
  }

  function star(id, wanted) {
    set(id, { starred: wanted === undefined ? !markOf(id).starred : wanted });
  }

  const setNote = (id, text) => set(id, { note: text.trim().slice(0, MAX_NOTE) });
  const marked = (holds) => report.clips.filter((clip) => holds(clip.id)).map((clip) => clip.id);

  // Another tab with this page.
  window.addEventListener("storage", (event) => {
    if (event.key !== `vgpipe.${storeName()}` || changed.size) return;
    const before = marks;
    marks = readStored();
    tell(new Set([...before.keys(), ...marks.keys()]));
  });

  window.vgpipeMarks = {
    init,
    isPicked,
    isStarred: (id) => markOf(id).starred,
    note: (id) => markOf(id).note,
    pick,
    star,
    setNote,
    picked: () => marked(isPicked), // ids, in job order
    marked: () => marked((id) => marks.has(id)),
    isKept: () => isKept, // false where the browser has no storage for this page, or no room
    onChange: (callback) => listeners.add(callback), // called with a set of ids
  };
})();
