// Buttons of the viewer that show an icon, and those that copy.
(function () {
  "use strict";
  const { make } = window.vgpipeElements;
  const { icon } = window.vgpipeIcons;

  // A button that shows an icon; `label` is what it is called, `key` what does the same.
  function iconButton(name, label, act, key) {
    const button = make("button", `v-icon v-${name}`);
    button.type = "button";
    button.append(icon(name));
    button.setAttribute("aria-label", label);
    button.title = key ? `${label} (${key})` : label;
    button.addEventListener("click", act);
    return button;
  }

  // Changes what a button shows and is called.
  function relabel(button, name, label, key) {
    button.replaceChildren(icon(name));
    button.setAttribute("aria-label", label);
    button.title = key ? `${label} (${key})` : label;
  }

  // Copies a text, and says so beside the button for a moment.
  async function copy(text, button) {
    await window.vgpipeCopy.write(text, button.parentNode);
    button.focus({ preventScroll: true });
    button.classList.add("v-done");
    button.dataset.said = "copied";
    setTimeout(() => {
      button.classList.remove("v-done");
      delete button.dataset.said;
    }, 1200);
  }

  // A button that copies `text`; `what` names it.
  function copyButton(what, text) {
    const button = iconButton("copy", `copy ${what}`, () => copy(text, button));
    return button;
  }

  window.vgpipeViewerButtons = { iconButton, relabel, copy, copyButton };
})();
