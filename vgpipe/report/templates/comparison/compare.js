// The comparison page: puts its parts together.
(function () {
  "use strict";
  const { byId, counted, make } = window.vgpipeElements;
  const { remembered, remember, followTheme } = window.vgpipeTheme;
  const layout = window.vgpipeAxes;
  const rows = window.vgpipeRows;
  const data = window.vgpipeComparison;

  function status() {
    const sum = (name) => data.runs.reduce((total, run) => total + run[name], 0);
    const by = data.axes.filter((axis) => axis.values.length > 1).map((axis) => `${axis.label} (${axis.values.length})`);
    const first = Math.min(...data.runs.map((run) => run.started).filter(Boolean));
    const parts = [
      by.join(" \u00d7 "),
      counted(data.runs.length, "run"),
      counted(data.rows.length, "prompt"),
      sum("done") < sum("clips") ? `${sum("done")} of ${counted(sum("clips"), "clip")} done` : counted(sum("clips"), "clip"),
      sum("drafted") ? `${sum("drafted")} drafted` : "",
      Number.isFinite(first) ? new Date(first * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "",
    ];
    byId("status").textContent = parts.filter(Boolean).join(" \u00b7 ");
  }

  // The combinations of a sweep that did not start, or left nothing.
  function showMissing() {
    const { without } = data;
    byId("without").hidden = without.length === 0;
    byId("without").querySelector("summary").textContent = `${counted(without.length, "combination")} without a run`;
    byId("without").querySelector("ul").append(...without.map(([name, reason]) => make("li", "", `${name}: ${reason}`)));
  }

  // A button that is on or off, remembered.
  function toggled(button, name, isOn, act) {
    const set = (value) => {
      button.setAttribute("aria-pressed", String(value));
      act(value);
    };
    button.addEventListener("click", () => {
      const value = button.getAttribute("aria-pressed") !== "true";
      if (name) remember(name, String(value));
      set(value);
    });
    const before = name && remembered(name);
    set(before === "true" || before === "false" ? before === "true" : isOn);
  }

  function sized() {
    const slider = byId("size");
    const set = () => {
      const isOwn = slider.value !== "0";
      document.documentElement.classList.toggle("sized", isOwn);
      if (isOwn) document.documentElement.style.setProperty("--cell", `${slider.value}px`);
      else document.documentElement.style.removeProperty("--cell");
      slider.setAttribute("aria-valuetext", isOwn ? `${slider.value} pixels` : "as wide as the page allows");
    };
    slider.addEventListener("input", set);
    set();
  }

  // The heads stay in sight below the toolbar, and scroll sideways with the cells.
  function heldTogether() {
    const [names, cells] = [byId("names"), byId("cells")];
    const follow = (leader, other) => leader.addEventListener("scroll", () => Math.abs(other.scrollLeft - leader.scrollLeft) > 1 && (other.scrollLeft = leader.scrollLeft), { passive: true });
    follow(names, cells);
    follow(cells, names);
    // On a narrow screen only the settings stay in sight, which are the last of the toolbar there.
    const [bar, arrange] = [byId("toolbar"), byId("arrange")];
    new ResizeObserver(() => {
      const away = !layout.isNarrow() ? 0 : arrange.offsetHeight ? arrange.offsetTop - 6 : bar.offsetHeight;
      bar.style.top = `${-away}px`;
      document.documentElement.style.setProperty("--bar", `${bar.offsetHeight - away}px`);
    }).observe(bar);
    new ResizeObserver(() => {
      if (names.scrollWidth > names.clientWidth) names.tabIndex = 0; // the keyboard scrolls what has the focus
      else names.removeAttribute("tabindex");
    }).observe(names);
  }

  function search() {
    const found = rows.find(byId("search").value);
    byId("none").hidden = found > 0;
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || window.vgpipeViewer.isOpen()) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
    } else if (event.key === "/") {
      event.preventDefault();
      byId("search").focus();
    }
  }

  function show() {
    window.vgpipeArrange.show();
    window.vgpipeHeads.show();
    rows.arranged();
  }

  followTheme(byId("theme"), () => {});
  status();
  showMissing();
  window.vgpipeArrange.show();
  window.vgpipeHeads.show();
  heldTogether();
  sized();
  rows.start(byId("rows"));
  layout.onChange(show);
  toggled(byId("figures"), layout.isNarrow() ? "" : "grid.figures", !layout.isNarrow(), (isOn) => (byId("numbers").hidden = !isOn));
  toggled(byId("play"), "", false, rows.playShown);
  toggled(byId("more"), "", false, (isOn) => byId("toolbar").classList.toggle("open", isOn)); // on narrow screens
  window.vgpipeScatter.show();
  window.vgpipeTables.show();
  byId("to-chart").hidden = byId("chart").hidden;
  for (const [button, target] of [["to-chart", "chart"], ["to-tables", "tables"]]) byId(button).addEventListener("click", () => byId(target).scrollIntoView());
  byId("search").addEventListener("input", search);
  document.addEventListener("keydown", keys);
  const { clips, shown, cardOf, reveal } = rows;
  window.vgpipeViewer.init({ clips, shown, cardOf, reveal });
  document.documentElement.dataset.ready = "yes";
})();
