// What the buttons and keys of the viewer do.
(function () {
  "use strict";
  const { remember } = window.vgpipeTheme;
  const { copy } = window.vgpipeViewerButtons;
  const LISTS = ["all", "prompt", "seed"];
  const MODES = ["wipe", "side", "difference"];
  const WIDE = matchMedia("(min-width: 1000px)");
  const after = (list, value) => list[(list.indexOf(value) + 1) % list.length];

  // `view`: the viewer's own parts and state, see viewer.js; it is complete once the dialog is there.
  function actionsOf(view) {
    const { set } = view;
    const marks = () => view.marks() || {};

    function setMode(next) {
      set.mode = next;
      view.parts.strip.mode.value = next;
      remember("viewer.mode", next);
      view.stage.setMode(next);
    }

    function setRate(rate) {
      set.rate = rate;
      view.player.setRate(rate);
      view.controls.showSpeed(rate);
    }

    const focusStage = () => view.parts.stage.box.focus({ preventScroll: true });

    const playing = {
      toggle: () => view.player.toggle(),
      step: (by) => view.player.step(by),
      toFrame(number) {
        view.player.pause();
        view.player.toFrame(number);
      },
      faster: (by) => setRate(view.controls.faster(set.rate, by)),
      speed: setRate,
      loop() {
        set.isLooping = !set.isLooping;
        view.player.setLoop(set.isLooping);
        remember("viewer.loop", set.isLooping ? "yes" : "no");
        view.controls.showLoop(set.isLooping);
      },
      sound() {
        set.isHeard = !set.isHeard;
        view.soundOut();
      },
    };

    const looking = {
      full() {
        if (document.fullscreenElement) document.exitFullscreen();
        else if (view.parts.shell.requestFullscreen) view.parts.shell.requestFullscreen().catch(() => {});
      },
      zoom: () => view.stage.zoom.toggle(),
      zoomBy: (direction) => view.stage.zoom.step(direction),
      fit: () => view.stage.zoom.reset(),
      exact: () => view.stage.zoom.exact(),
      details() {
        set.hasPanel = !set.hasPanel;
        if (WIDE.matches) remember("viewer.details", set.hasPanel ? "yes" : "no");
        view.refill();
        if (!set.hasPanel) focusStage();
      },
      keys() {
        const { help } = view.parts;
        help.hidden = !help.hidden;
        if (help.hidden) return focusStage();
        window.vgpipeViewerKeys.fillHelp(help, acts);
        return help.querySelector("button").focus();
      },
    };

    const comparing = {
      compare() {
        const other = view.rivalry() ? null : view.rival();
        if (view.rivalry() || other) view.compare(other && { clip: other, file: null });
      },
      swap: () => view.rivalry() && view.swap(),
      mode: setMode,
      nextMode: () => view.rivalry() && setMode(after(MODES, set.mode)),
      list(name) {
        set.list = name;
        view.showPlace();
      },
      nextList: () => comparing.list(after(LISTS, set.list)),
    };

    const marking = {
      star: () => marks().star && marks().star(view.clip().id),
      pick: () => marks().pick && marks().pick(view.clip().id),
      note() {
        if (!set.hasPanel) looking.details();
        const area = view.parts.panel.querySelector(".v-note");
        if (area) area.focus();
      },
      copy() {
        const button = view.parts.panel.querySelector("[aria-label='copy command']") || view.parts.bar.details;
        if (view.clip().command) copy(view.clip().command, button);
      },
    };

    const acts = {
      close: view.close,
      escape() {
        if (!view.parts.help.hidden) looking.keys();
        else if (set.hasPanel && !WIDE.matches) looking.details();
        else if (view.rivalry()) view.compare(null);
        else view.close();
      },
      focusStage,
      move: (by) => view.moveIn(set.list, by),
      moveByPrompt: (by) => view.moveIn("prompt", by),
      ...playing,
      ...looking,
      ...comparing,
      ...marking,
    };
    return acts;
  }

  window.vgpipeViewerActions = { actionsOf, MODES, WIDE };
})();
