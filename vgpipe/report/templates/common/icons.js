// Icons of the pages, drawn as outlines in the colour of the text around them.
(function () {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const PATHS = {
    check: "M5 12.5l4.5 4.5L19 7.5",
    star: "M12 3.6l2.6 5.3 5.8.8-4.2 4.1 1 5.8-5.2-2.7-5.2 2.7 1-5.8-4.2-4.1 5.8-.8z",
    sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
    rows: "M3 5h11v6H3zM17 5h4v6h-4zM3 14h6v6H3zM12 14h9v6h-9z",
    masonry: "M3 4h8v10H3zM3 17h8v3H3zM14 4h7v4h-7zM14 11h7v9h-7z",
    squares: "M4 4h7v7H4zM14 4h6v7h-6zM4 14h7v6H4zM14 14h6v6h-6z",
    filters: "M4 6h16M7 12h10M10 18h4",
    play: "M8 5.5v13l10.5-6.5z",
    pause: "M8 5.5v13M16 5.5v13",
    help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.1",
    close: "M6 6l12 12M18 6L6 18",
  };

  // Returns an icon that a screen reader passes over; what it is on says what it means.
  function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    const path = document.createElementNS(SVG, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", PATHS[name]);
    svg.append(path);
    return svg;
  }

  // Gives the elements that name an icon in the page's text that icon.
  function fill(root) {
    for (const element of root.querySelectorAll("[data-icon]")) element.prepend(icon(element.dataset.icon));
  }

  window.vgpipeIcons = { icon, fill };
})();
