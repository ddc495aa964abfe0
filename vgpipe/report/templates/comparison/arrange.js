// The controls above the grid: where each setting is shown, and which value of those that are tabs.
(function () {
  "use strict";
  const { byId, make } = window.vgpipeElements;
  const layout = window.vgpipeAxes;
  const { axes } = window.vgpipeComparison;
  const NAMES = { columns: "columns", rows: "rows", tabs: "tabs" };

  function roleChoice(number) {
    const choice = make("select");
    choice.setAttribute("aria-label", `where ${axes[number].label} is shown`);
    for (const role of layout.ROLES) {
      const option = make("option", "", NAMES[role]);
      option.value = role;
      choice.append(option);
    }
    choice.value = layout.roleOf(number);
    choice.addEventListener("change", () => {
      layout.setRole(number, choice.value);
      byId("arrange").querySelectorAll("select")[number].focus();
    });
    return choice;
  }

  function tabsOf(number, chosen) {
    return axes[number].values.map((text, value) => {
      const button = make("button", "tab", text);
      button.type = "button";
      button.setAttribute("aria-pressed", String(value === chosen));
      button.addEventListener("click", () => {
        layout.setTab(number, value);
        byId("arrange").children[number].querySelectorAll("button")[value].focus({ preventScroll: true });
      });
      return button;
    });
  }

  function group(axis, number) {
    const box = make("div", "strip");
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", axis.label);
    box.append(make("span", "name", axis.label));
    if (axes.length > 1) box.append(roleChoice(number));
    const tab = layout.tabs().find(([one]) => one === number);
    box.classList.toggle("chosen", Boolean(tab));
    if (tab) box.append(...tabsOf(number, tab[1]));
    return box;
  }

  // With one setting there is nothing to choose, unless it is a tab.
  function show() {
    byId("arrange").hidden = axes.length < 2 && layout.tabs().length === 0;
    byId("arrange").replaceChildren(...axes.map(group));
  }

  window.vgpipeArrange = { show };
})();
