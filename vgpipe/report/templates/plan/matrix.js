// Models times cards: one row for each where there is one model or one card, else a grid.
(function () {
  "use strict";
  const { make, shown } = window.vgpipeElements;
  const CLASSES = { "fits": "fits", "fits, changed": "changed", "tight": "tight", "smaller clip": "smaller", "does not fit": "none" };
  const gb = (value) => (typeof value === "number" ? `${shown(value, 1)} GB` : "-");

  const unique = (values) => [...new Set(values)];

  function fit(pair) {
    const mark = make("span", `fit ${CLASSES[pair.fit] || ""}`, pair.size || pair.fit);
    if (pair.changed.length > 0) mark.title = `with ${pair.changed.join(", ")}`;
    return mark;
  }

  function press(pair, choose, ...inside) {
    const button = make("button", "cell");
    button.type = "button";
    button.dataset.pair = `${pair.model} ${pair.tier}`;
    button.title = `${pair.model} on ${pair.card}: ${pair.verdict}`;
    button.append(...inside);
    button.addEventListener("click", () => choose(pair));
    return button;
  }

  function head(texts, table) {
    const row = make("tr");
    for (const text of texts) {
      const cell = make("th", "", text);
      cell.scope = "col";
      row.append(cell);
    }
    table.append(row);
  }

  // One row for each pair: what varies is its name.
  function list(pairs, byCard, choose) {
    const table = make("table", "list");
    head([byCard ? "card" : "model", "fits", "time", "GPU", "RAM", "changed", "how"], table);
    for (const pair of pairs) {
      const row = make("tr");
      const name = make("th");
      name.scope = "row";
      name.append(press(pair, choose, make("span", "", byCard ? pair.card : pair.model)));
      row.append(name);
      const mark = make("td");
      mark.append(fit(pair));
      row.append(mark);
      for (const text of [pair.time || "-", gb(pair.gpu_gb), gb(pair.ram_gb), pair.changed.join(", ") || "-", pair.how || "-"]) {
        row.append(make("td", "", text));
      }
      table.append(row);
    }
    return table;
  }

  function cell(pair, choose) {
    const place = make("td");
    if (pair === undefined) return place;
    const lines = [fit(pair)];
    const ram = typeof pair.ram_gb === "number" ? `${gb(pair.ram_gb)} RAM` : "";
    for (const text of [pair.time, ram, pair.how]) if (text) lines.push(make("span", "", text));
    place.append(press(pair, choose, ...lines));
    return place;
  }

  function grid(pairs, models, cards, choose) {
    const table = make("table", "grid");
    head(["model", ...cards.map(([, title]) => title)], table);
    const known = new Map(pairs.map((pair) => [`${pair.model} ${pair.tier}`, pair]));
    for (const model of models) {
      const row = make("tr");
      const name = make("th", "", model);
      name.scope = "row";
      row.append(name, ...cards.map(([tier]) => cell(known.get(`${model} ${tier}`), choose)));
      table.append(row);
    }
    return table;
  }

  // Builds the matrix; `choose` is called with the pair that was pressed.
  function show(section, pairs, choose) {
    const models = unique(pairs.map((pair) => pair.model));
    const cards = [...new Map(pairs.map((pair) => [pair.tier, pair.card]))];
    const box = make("div", "wide");
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "Matrix of models and cards");
    const isList = models.length === 1 || cards.length === 1;
    box.append(isList ? list(pairs, models.length === 1, choose) : grid(pairs, models, cards, choose));
    section.replaceChildren(box);
    section.hidden = false;
  }

  // Marks the pair that is shown.
  function mark(section, pair) {
    for (const button of section.querySelectorAll("button.cell")) {
      button.setAttribute("aria-pressed", String(button.dataset.pair === `${pair.model} ${pair.tier}`));
    }
  }

  window.vgpipeMatrix = { show, mark };
})();
