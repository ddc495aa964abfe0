// Memory predicted and measured, the same quantity of both, as two bars for each stage and size of clip.
(function () {
  "use strict";
  const { byId, make, shown } = window.vgpipeElements;

  function bar(share, tone, text) {
    const cell = make("td");
    const line = make("div", "amount");
    const track = make("div");
    const fill = make("span");
    fill.style.width = `${(100 * share).toFixed(1)}%`;
    fill.style.background = `var(--${tone})`;
    track.append(fill);
    line.append(track, make("b", "", text));
    cell.append(line);
    return cell;
  }

  function rowOf({ label, predicted, measured }, most) {
    const row = make("tr");
    const off = predicted > 0 ? Math.round(100 * (measured / predicted - 1)) : null;
    const head = make("th");
    head.scope = "row";
    const [stage, size] = label.split(" ");
    head.append(make("span", "", stage), " ", make("span", "size", (size || "").replaceAll("x", "\u00d7")));
    row.append(head);
    row.append(bar(predicted / most, "other", shown(predicted, 3)), bar(measured / most, "denoise", shown(measured, 3)));
    row.append(make("td", "soft", off === null ? "" : `${off > 0 ? "+" : ""}${off} %`));
    return row;
  }

  function show(report) {
    const groups = report.memory;
    if (!groups.length) return;
    const most = groups.reduce((high, one) => Math.max(high, one.predicted, one.measured), 0) || 1;
    byId("memory-title").textContent = `${groups[0].kind}, GiB, the peak of each stage`;
    const table = make("table", "memory");
    const head = make("tr");
    head.append(...["stage and size", "predicted", "measured", "off by"].map((text) => make("th", "", text)));
    table.append(head, ...groups.map((group) => rowOf(group, most)));
    byId("chart-memory").replaceChildren(table);
  }

  window.vgpipeMemory = { show };
})();
