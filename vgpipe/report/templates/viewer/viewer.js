// The viewer: one clip as large as the window, its neighbours, and what it is compared with.
(function () {
  "use strict";
  const { remembered } = window.vgpipeTheme;
  const { lists, beside, rival, fill: fillStrip } = window.vgpipeViewerStrip;
  const panel = window.vgpipeViewerPanel;
  const { tellApart } = window.vgpipeViewerFacts;
  const bar = window.vgpipeViewerBar;
  const { actionsOf, MODES, WIDE } = window.vgpipeViewerActions;
  const address = window.vgpipeViewerAddress;
  const LISTS = { all: "all", prompt: "same prompt", seed: "same seed" };
  const STILL = matchMedia("(prefers-reduced-motion: reduce)");

  let page = null; // the adapter: {clips(), shown(), cardOf(id), reveal(id)?, marks?}
  let clip = null;
  let file = null; // of the clip, where it is not its first
  let rivalry = null; // what it is compared with: {clip, file}
  let near = null; // the lists of neighbours of the clip; null where they may have changed
  let filled = ""; // what the panel shows
  let shownUrl; // of the first file of the clip, as it was when it was shown
  let opener = null; // what had the focus before
  const set = { list: "all", mode: "wipe", rate: 1, isLooping: true, isHeard: false, hasPanel: true };

  const firstOf = (one) => (window.vgpipeViewerTracks.filesOf(one)[0] || {}).url;
  const marks = () => (page && page.marks) || null;
  const find = (id) => page.clips().find((one) => one.id === id) || null;
  const found = () => near || (near = lists(clip, page.shown(), page.clips()));

  // What the actions need; the dialog and its parts are made when the viewer is first opened.
  const view = {
    ...{ parts: null, player: null, stage: null, controls: null },
    ...{ set, marks, close, moveIn, compare, soundOut },
    clip: () => clip,
    rivalry: () => rivalry,
    rival: () => rival(clip, found()),
    swap() {
      const was = { clip, file };
      [clip, file, near] = [rivalry.clip, rivalry.file, null];
      compare(was);
    },
    showPlace() {
      showBar();
      showStrip();
    },
    refill() {
      filled = "";
      showBar();
      showPanel();
    },
  };
  const acts = actionsOf(view);

  // ---- opening and closing

  function start() {
    view.parts = window.vgpipeViewerLayout.build(acts);
    view.player = window.vgpipeViewerTransport.transport(() => view.controls.show());
    view.stage = window.vgpipeViewerStage.stageOf(view.parts.stage, view.player, () => view.controls.showZoom(view.stage.zoom));
    view.controls = window.vgpipeViewerControls.controlsOf(view.parts.controls, view.player, acts.focusStage);
    recall();
    window.vgpipeViewerKeys.follow(view.parts.dialog, acts);
    window.vgpipeViewerGestures.follow(view.parts.stage.box, view.stage.zoom, touches);
    view.parts.dialog.addEventListener("cancel", (event) => {
      event.preventDefault(); // also what a phone's way back sends
      acts.escape();
    });
    view.parts.dialog.addEventListener("close", closed);
  }

  // What was chosen on an earlier visit.
  function recall() {
    set.mode = MODES.includes(remembered("viewer.mode")) ? remembered("viewer.mode") : "wipe";
    set.isLooping = remembered("viewer.loop") !== "no";
    set.hasPanel = WIDE.matches && remembered("viewer.details") !== "no";
    view.stage.setMode(set.mode);
    view.player.setLoop(set.isLooping);
    view.controls.showLoop(set.isLooping);
    view.controls.showSpeed(set.rate);
    view.parts.strip.mode.value = set.mode;
  }

  // Opens a clip by its id, or goes to it; nothing happens where the page does not have it.
  function open(id, { against } = {}) {
    const wanted = page && find(id);
    if (!wanted) return;
    if (!view.parts) start();
    const other = against && find(against);
    if (!isOpen()) {
      opener = document.activeElement;
      view.parts.dialog.showModal();
      acts.focusStage();
    }
    rivalry = other ? { clip: other, file: null } : null;
    show(wanted, null);
  }

  function close() {
    if (isOpen()) view.parts.dialog.close();
  }

  function closed() {
    const last = clip;
    view.stage.clear();
    [clip, file, rivalry, near, filled] = [null, null, null, null, ""];
    view.parts.help.hidden = true;
    if (document.fullscreenElement) document.exitFullscreen();
    address.clear();
    returnFocus(last);
  }

  // To the card of the clip that was seen last, or where the page no longer shows it, to what had the focus before.
  function returnFocus({ id }) {
    const isShown = page.shown().some((one) => one.id === id);
    if (isShown && page.reveal) page.reveal(id);
    const card = isShown ? page.cardOf(id) : opener;
    if (!card || !card.isConnected) return;
    const target = card.matches("[tabindex], button, a[href]") ? card : card.querySelector("button, a[href], [tabindex]") || card;
    target.focus();
  }

  // ---- showing

  function show(next, nextFile) {
    const isFirst = clip === null;
    [clip, file, near] = [next, nextFile, null];
    if (rivalry && rivalry.clip.id === clip.id && !rivalry.file && !file) rivalry = null;
    render(isFirst ? !STILL.matches : view.player.isPlaying() || view.player.frame().of < 2, 0);
  }

  function render(plays, seconds) {
    shownUrl = firstOf(clip);
    view.stage.show([{ clip, file }, ...(rivalry ? [rivalry] : [])], { names: names(), plays, seconds });
    soundOut();
    showBar();
    showStrip();
    showPanel();
    address.show(clip.id, against());
  }

  // What tells A from B, and B from A.
  function names() {
    if (!rivalry) return [];
    const kinds = [file, rivalry.file].map((one) => one && one.kind);
    return [tellApart(clip, rivalry.clip, kinds[0]), tellApart(rivalry.clip, clip, kinds[1])];
  }

  // The clip that the address names as B; two files of one clip have no address.
  const against = () => (rivalry && rivalry.clip.id !== clip.id ? rivalry.clip.id : null);

  function showBar() {
    const switched = { isCompared: Boolean(rivalry), hasPanel: set.hasPanel };
    const ends = { hasBefore: Boolean(neighbour(-1)), hasAfter: Boolean(neighbour(1)) };
    bar.showBar(view.parts, { clip, list: found()[set.list], ...switched, ...ends });
    showMarks();
  }

  const showMarks = () => bar.showMarks(view.parts.bar, marks(), clip);

  function showStrip() {
    const { strip } = view.parts;
    const all = found();
    for (const option of strip.list.options) option.textContent = `${LISTS[option.value]} ${all[option.value].length}`;
    strip.list.value = set.list;
    strip.mode.hidden = strip.swap.hidden = !rivalry;
    fillStrip(strip.pictures, all[set.list], clip.id, rivalry && rivalry.clip.id, choose);
  }

  function showPanel() {
    const box = view.parts.panel;
    view.parts.shell.classList.toggle("v-panelled", set.hasPanel);
    box.hidden = !set.hasPanel;
    const now = JSON.stringify([clip, rivalry]);
    if (!set.hasPanel || now === filled) return;
    filled = now;
    box.scrollTop = 0;
    const options = { marks: marks(), acts: { close: acts.details, show: (one) => show(clip, one), against: (one) => compare({ clip, file: one }) } };
    if (rivalry) panel.fillBoth(box, [clip, rivalry.clip], names(), options);
    else panel.fill(box, clip, options);
  }

  function soundOut() {
    const track = view.stage.track();
    view.controls.showSound(clip, track, set.isHeard);
    for (const one of view.stage.tracks()) if (one.setMuted) one.setMuted(one !== track || !set.isHeard || !clip.sound);
  }

  // ---- moving and comparing

  // The clip `by` places further, of B while comparing; A and B are never the same.
  function neighbour(by, name = set.list) {
    const list = found()[name];
    if (!rivalry) return beside(list, clip.id, by);
    const next = beside(list, rivalry.clip.id, by);
    return next && next.id === clip.id ? beside(list, clip.id, by) : next;
  }

  function moveIn(name, by) {
    const next = neighbour(by, name);
    if (next) choose(next.id);
  }

  function choose(id) {
    const next = find(id);
    if (!next) return;
    if (!rivalry) show(next, null);
    else if (id !== clip.id) compare({ clip: next, file: null });
  }

  // Compares with a source {clip, file}, from the frame that is shown; null ends it.
  function compare(source) {
    rivalry = source;
    render(view.player.isPlaying(), view.player.frame().seconds);
  }

  const touches = {
    tap: () => view.player.toggle(),
    swipe: (by) => acts.move(by),
    drop: close,
    drag: (dx) => (view.parts.stage.panes.style.transform = dx ? `translateX(${dx}px)` : ""),
    // Moves the slider to a place, if there is one; without a place only says whether.
    moveWipe(x) {
      if (view.stage.isWiping() && x !== null) view.stage.wipeTo(x);
      return view.stage.isWiping();
    },
  };

  // ---- for the page

  // The data were loaded again: shows what has changed of the clip that is open.
  function refresh() {
    const next = page && isOpen() && find(clip.id);
    if (!next) return;
    const hasOther = !file && firstOf(next) !== shownUrl;
    [clip, near] = [next, null];
    if (rivalry) rivalry.clip = find(rivalry.clip.id) || rivalry.clip;
    if (hasOther) render(view.player.isPlaying() || !shownUrl, 0); // a draft that was finished, a clip that got its file
    else view.showPlace();
    if (!view.parts.panel.contains(document.activeElement)) showPanel();
  }

  const isOpen = () => Boolean(view.parts && view.parts.dialog.open);

  function openAddress(wanted) {
    if (wanted.id === null) close();
    else if (!isOpen() || clip.id !== wanted.id || wanted.against !== against()) open(wanted.id, wanted);
  }

  // `adapter`: see `page`; opens what the address names.
  function init(adapter) {
    page = adapter;
    const known = marks();
    if (known && known.onChange) known.onChange(() => isOpen() && showMarks());
    address.follow(openAddress);
    openAddress(address.read());
  }

  window.vgpipeViewer = { init, open, close, isOpen, refresh };
})();
