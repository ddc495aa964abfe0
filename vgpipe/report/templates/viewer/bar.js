// The bar above the picture: which clip of how many, its prompt, its marks, and what is switched on.
(function () {
  "use strict";
  const { relabel } = window.vgpipeViewerButtons;

  // `state`: {clip, list, isCompared, hasPanel, hasBefore, hasAfter}; `list` is what the arrows go through.
  function showBar({ bar, stage, announced }, { clip, list, isCompared, hasPanel, hasBefore, hasAfter }) {
    const at = list.findIndex((one) => one.id === clip.id);
    bar.place.textContent = `${at + 1} / ${list.length}`;
    bar.title.textContent = clip.prompt === undefined ? clip.id : clip.prompt;
    announced.textContent = `${at + 1} of ${list.length}: ${bar.title.textContent}${isCompared ? ", compared" : ""}`;
    bar.compare.setAttribute("aria-pressed", String(isCompared));
    bar.details.setAttribute("aria-pressed", String(hasPanel));
    stage.previous.disabled = !hasBefore;
    stage.next.disabled = !hasAfter;
  }

  // `marks` as in the adapter of viewer.js, or null.
  function showMarks({ star, pick }, marks, clip) {
    star.hidden = !marks || !marks.isStarred;
    pick.hidden = !marks;
    if (!marks) return;
    const isPicked = marks.isPicked(clip.id);
    star.setAttribute("aria-pressed", String(!star.hidden && Boolean(marks.isStarred(clip.id))));
    pick.setAttribute("aria-pressed", String(isPicked));
    relabel(pick, "check", isPicked ? "picked" : "pick", "p");
  }

  window.vgpipeViewerBar = { showBar, showMarks };
})();
