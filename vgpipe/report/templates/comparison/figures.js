// One number per run, as bars side by side; buttons choose which number.
(function () {
  "use strict";
  const { byId, counted, make } = window.vgpipeElements;

  function shown(figure, value) {
    if (value === null) return "--";
    return [Number(value.toPrecision(3)), figure.unit].join(" ").trim();
  }

  function bar(figure, at, name, longest) {
    const value = figure.values[at];
    const row = make("div", "figure");
    const fill = make("span", "fill");
    fill.style.width = value === null || longest <= 0 ? "0" : `${(100 * Math.max(0, value)) / longest}%`;
    const track = make("span", "track");
    track.append(fill);
    row.append(make("span", "name", name), track, make("span", "value", shown(figure, value)));
    row.append(make("span", "of", value === null ? "" : counted(figure.clips[at], "clip")));
    return row;
  }

  function draw(figure, names) {
    const longest = Math.max(...figure.values.filter((value) => value !== null));
    byId("bars").replaceChildren(...names.map((name, at) => bar(figure, at, name, longest)));
    byId("about").textContent = figure.about;
  }

  // Draws the first figure and a button for each; without figures the box stays hidden.
  function show(figures, names) {
    byId("figures").hidden = figures.length === 0;
    byId("not-judged").hidden = !figures.some((figure) => figure.is_measure);
    const buttons = figures.map((figure) => {
      const button = make("button", "", figure.name);
      button.type = "button";
      button.title = figure.about;
      button.addEventListener("click", () => choose(figure));
      return button;
    });
    function choose(figure) {
      for (const [at, button] of buttons.entries()) button.setAttribute("aria-pressed", String(figures[at] === figure));
      draw(figure, names);
    }
    byId("choices").replaceChildren(...buttons);
    if (figures.length) choose(figures[0]);
  }

  window.vgpipeFigures = { show };
})();
