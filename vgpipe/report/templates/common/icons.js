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
    sheet: "M3.5 5h17v14h-17zM3.5 12h17M9.2 5v14M14.8 5v14",
    filters: "M4 6h16M7 12h10M10 18h4",
    play: "M8 5.5v13l10.5-6.5z",
    pause: "M8 5.5v13M16 5.5v13",
    help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 17.5v.1",
    close: "M6 6l12 12M18 6L6 18",
    previous: "M15 5l-7 7 7 7",
    next: "M9 5l7 7-7 7",
    back: "M17 6l-7 6 7 6zM6.5 6v12",
    forth: "M7 6l7 6-7 6zM17.5 6v12",
    loop: "M17 3l3 3-3 3M20 6H8a4 4 0 0 0-4 4v1M7 21l-3-3 3-3M4 18h12a4 4 0 0 0 4-4v-1",
    muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
    full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
    details: "M4 5h16v14H4zM14.5 5v14M17 9h0.5M17 12h0.5",
    compare: "M12 3v18M4 6h5v12H4M20 6h-5v12h5",
    swap: "M7 4L3.5 7.5 7 11M4 7.5h16M17 13l3.5 3.5L17 20M20 16.5H4",
    copy: "M9 9h11v11H9zM5 15H4V4h11v1",
    auto: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16M12 4v16M12 8h5.5M12 12h8M12 16h5.5",
    light: "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
    dark: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
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
