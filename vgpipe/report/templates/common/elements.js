// Building blocks of the pages. Everything from a record is set as text, never as markup.
(function () {
  "use strict";
  const STAGES = ["encode", "denoise", "decode", "export"];

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = String(text);
    return element;
  }

  function color(name) {
    return `var(--${name}, var(--other))`;
  }

  function stageColor(stage) {
    return color(STAGES.includes(stage) ? stage : stage === "thread tuning" ? "tuning" : "other");
  }

  function total(clip) {
    return Object.values(clip.seconds || {}).reduce((sum, seconds) => sum + seconds, 0);
  }

  function shown(number, digits) {
    return Number(number.toFixed(digits === undefined ? 2 : digits)).toString();
  }

  // What a draft is called; empty for any other clip.
  function previewOf(clip) {
    if (clip.state !== "drafted") return "";
    if (clip.draft_steps === undefined) return "preview";
    return `preview, step ${clip.draft_steps}${clip.num_inference_steps === undefined ? "" : ` of ${clip.num_inference_steps}`}`;
  }

  // "1 clip", "2 clips"
  function counted(number, word) {
    return number === 1 ? `1 ${word}` : `${number} ${word}s`;
  }

  function stack(parts) {
    const bar = make("div", "stack");
    for (const part of parts) {
      const span = make("span");
      span.style.flexGrow = String(part.size);
      span.style.background = part.color;
      span.title = part.title;
      bar.append(span);
    }
    return bar;
  }

  // The colour of each stage, with its name.
  function legend(stages) {
    return stages.map((stage) => {
      const item = make("span", "item", stage);
      const swatch = make("span", "swatch");
      swatch.style.background = stageColor(stage);
      item.prepend(swatch);
      return item;
    });
  }

  function pairs(rows) {
    const list = make("dl");
    for (const [label, value] of rows) {
      if (value === undefined || value === null || value === "") continue;
      const cell = make("dd", "", value);
      cell.dir = "auto";
      list.append(make("dt", "", label), cell);
    }
    return list;
  }

  function table(head, rows) {
    const box = make("div", "scroll");
    const element = make("table");
    const top = make("tr");
    top.append(...head.map((text) => make("th", "", text)));
    element.append(top);
    for (const row of rows) {
      const line = make("tr");
      line.append(...row.map((text) => make("td", "", text === undefined || text === null ? "" : text)));
      element.append(line);
    }
    box.append(element);
    return box;
  }

  function button(text, act, title) {
    const element = make("button", act, text);
    element.type = "button";
    element.dataset.act = act;
    if (title) element.title = title;
    return element;
  }

  const byId = (id) => document.getElementById(id);

  window.vgpipeElements = { STAGES, byId, make, color, stageColor, total, shown, counted, stack, legend, pairs, table, button, previewOf };
})();
