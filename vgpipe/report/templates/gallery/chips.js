// The chips that filter: one per value, several at once. They stay where they are while their counts change.
(function () {
  "use strict";
  const { byId, make } = window.vgpipeElements;
  const LABELS = { state: "", marks: "", degraded: "degraded", check: "failed check", model: "model", size: "size" };
  const groups = new Map(); // group -> {box, chips: Map of value -> button}

  function groupOf(name) {
    if (!groups.has(name)) {
      const box = make("div", "group");
      box.role = "group";
      box.ariaLabel = LABELS[name] || name;
      if (LABELS[name]) box.append(make("span", "soft", LABELS[name]));
      groups.set(name, { box, chips: new Map() });
    }
    return groups.get(name);
  }

  function chipOf(group, name, value, toggle) {
    if (!group.chips.has(value)) {
      const chip = make("button", "chip");
      chip.type = "button";
      chip.append(make("bdi", "", value), make("span", "number"));
      chip.addEventListener("click", () => toggle(name, value));
      group.chips.set(value, chip);
    }
    return group.chips.get(value);
  }

  // Puts the children into this order, and moves none that is in its place: a moved one would lose the focus.
  function place(parent, children) {
    for (const child of [...parent.children]) if (!children.includes(child)) child.remove();
    children.forEach((child, at) => parent.children[at] === child || parent.insertBefore(child, parent.children[at] || null));
  }

  // `counted`: see filters; `chosen`: group -> values; `toggle` is called with the group and value of a pressed chip.
  function show(counted, chosen, toggle) {
    const boxes = counted.map(([name, values]) => {
      const group = groupOf(name);
      const chips = values.map(([value, count]) => {
        const chip = chipOf(group, name, value, toggle);
        const isOn = Boolean(chosen.get(name)?.has(value));
        chip.ariaPressed = String(isOn);
        chip.classList.toggle("none", count === 0 && !isOn);
        chip.lastElementChild.textContent = String(count);
        return chip;
      });
      place(group.box, [...group.box.querySelectorAll(":scope > .soft"), ...chips]);
      return group.box;
    });
    place(byId("chips"), boxes);
    const active = [...chosen.values()].reduce((sum, values) => sum + values.size, 0);
    byId("clear-filters").hidden = active === 0;
    byId("filters-on").textContent = active ? String(active) : "";
  }

  window.vgpipeChips = { show };
})();
