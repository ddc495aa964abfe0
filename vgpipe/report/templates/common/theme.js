// The theme (light, dark or the system's), and storage that lasts between visits.
(function () {
  "use strict";
  const CHOICES = ["auto", "light", "dark"];
  const system = matchMedia("(prefers-color-scheme: dark)");

  // A page opened from disk may have no storage.
  function remembered(name) {
    try {
      return localStorage.getItem(`vgpipe.${name}`);
    } catch (error) {
      return null;
    }
  }

  function remember(name, value) {
    try {
      localStorage.setItem(`vgpipe.${name}`, value);
    } catch (error) {
      // as above
    }
  }

  // Makes a button switch the theme; `changed` is called after each change.
  function followTheme(button, changed) {
    let choice = CHOICES.includes(remembered("theme")) ? remembered("theme") : "auto";
    function show() {
      const isDark = choice === "dark" || (choice === "auto" && system.matches);
      document.documentElement.dataset.theme = isDark ? "dark" : "light";
      button.replaceChildren(window.vgpipeIcons.icon(choice));
      button.title = button.ariaLabel = `theme: ${choice === "auto" ? "the system's" : choice}`;
      changed();
    }
    button.addEventListener("click", () => {
      choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
      remember("theme", choice);
      show();
    });
    system.addEventListener("change", show);
    show();
  }

  window.vgpipeTheme = { remembered, remember, followTheme };
})();
