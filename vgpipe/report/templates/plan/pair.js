// What is shown of one model on one card: its verdict, memory and time by stage, what was considered.
(function () {
  "use strict";
  const { make, table, button } = window.vgpipeElements;
  const { chart, legend, size } = window.vgpipeMemory;
  const { copy } = window.vgpipeCopy;
  const CONSIDERED = ["strategy", "VAE", "weights", "peak GiB", "RAM GiB", "per clip", "fits"];
  const SIDES = 32;

  function stages(pair, kind) {
    const isCpu = pair.kind === "cpu";
    const head = ["stage", "time", ...(isCpu ? [] : ["GPU tensors"]), "RAM", "weights"];
    const rows = kind.stages.map((one) => [one.stage, one.time, ...(isCpu ? [] : [size(one.gpu_gb)]), size(one.ram_gb), one.placed]);
    const box = table(head, rows);
    box.className = `wide stages ${isCpu ? "cpu" : "gpu"}`;
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "Stages");
    return box;
  }

  function considered(kind) {
    const details = make("details");
    details.append(make("summary", "", `${kind.considered.length} configurations considered`));
    const box = table(CONSIDERED, kind.considered);
    box.className = "wide considered";
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "Configurations considered");
    details.append(box);
    return details;
  }

  function ofKind(pair, kind) {
    const part = make("div", "kind");
    part.append(make("p", "said", `${kind.name}: ${kind.said}`), chart(pair, kind, document.documentElement.clientWidth - SIDES), legend(pair), stages(pair, kind));
    if (kind.considered.length > 0) part.append(considered(kind));
    return part;
  }

  function choice(pair, place) {
    const label = make("label", "", "kind of clip ");
    const select = make("select");
    pair.kinds.forEach((kind, at) => {
      const option = make("option", "", `${kind.name}${kind.said.startsWith("does not fit") ? ", does not fit" : ""}`);
      option.value = String(at);
      select.append(option);
    });
    select.addEventListener("change", () => place.replaceChildren(ofKind(pair, pair.kinds[Number(select.value)])));
    label.append(select);
    return label;
  }

  function toType(texts) {
    const lines = texts.map((text) => {
      const line = make("div", "line");
      const press = button("copy", "copy");
      press.ariaLabel = `copy ${text}`;
      press.addEventListener("click", () => copy(text, press));
      line.append(make("pre", "", text), press);
      return line;
    });
    return lines;
  }

  // Shows a pair in place of the one before; `isOnly` where the page's verdict is the pair's own.
  function show(section, pair, isOnly) {
    const parts = [];
    if (!isOnly) parts.push(make("h2", "", `${pair.model} on ${pair.card}`), make("p", "verdict", pair.verdict));
    if (pair.kinds.length > 0) {
      const place = make("div");
      place.append(ofKind(pair, pair.kinds[0]));
      if (pair.kinds.length > 1) parts.push(choice(pair, place));
      parts.push(place);
    }
    for (const note of pair.notes || []) parts.push(make("p", "soft", `note: ${note}`));
    if (pair.type.length > 0) parts.push(make("h2", "", "To type"), ...toType(pair.type));
    section.replaceChildren(...parts);
  }

  window.vgpipePair = { show };
})();
