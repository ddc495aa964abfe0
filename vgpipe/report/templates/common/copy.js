// Copies a text, and says so on the button that was pressed.
(function () {
  "use strict";
  const { make } = window.vgpipeElements;
  const SHOWN_MS = 1200;

  // Writes to the clipboard; `place` is where a text area may stand if need be, which is not behind an open dialog.
  async function write(text, place = document.body) {
    try {
      await navigator.clipboard.writeText(text);
    } catch (error) {
      const area = make("textarea", "", text); // clipboard access denied
      place.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }

  async function copy(text, button) {
    const focused = document.activeElement;
    await write(text, (button && button.closest("dialog")) || document.body);
    if (focused && focused !== document.activeElement) focused.focus({ preventScroll: true });
    if (!button || button.dataset.before !== undefined) return;
    button.dataset.before = button.textContent;
    button.textContent = "copied";
    setTimeout(() => {
      button.textContent = button.dataset.before;
      delete button.dataset.before;
    }, SHOWN_MS);
  }

  window.vgpipeCopy = { copy, write };
})();
