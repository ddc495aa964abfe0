// Which setting is where on the grid: in the columns, in rows below each prompt, or a tab; kept in the address.
// A cell is found by its row and by a value of every axis.
(function () {
  "use strict";
  const data = window.vgpipeComparison;
  const { axes, runs } = data;
  const ROLES = ["columns", "rows", "tabs"];
  const MOST = { wide: 6, narrow: 2 }; // columns that are shown side by side at first
  const isNarrow = () => matchMedia("(max-width: 760px)").matches;
  let made = { state: null, columns: [], lines: [] };
  const listeners = [];
  const cells = new Map(); // "row|value,value" -> entry
  const ids = new Map(); // id on this page -> entry
  let state = { columns: [], rows: [], tabs: [] }; // numbers of axes; of tabs [axis, value]

  const nameOf = (at) => axes.map((axis, number) => `${axis.label} ${axis.values[at[number]]}`).join(", ");

  const labelsOf = (at) => Object.fromEntries(axes.map((axis, number) => [axis.label, axis.values[at[number]]]));

  // Clips of several runs may have the same id: here it begins with the number of the run.
  function entryOf(place) {
    if (place && !place.clip) {
      const { run, cell } = place;
      const { prompt } = data.rows[place.row];
      place.at = runs[run].at;
      place.clip = { ...cell, prompt: prompt === null ? undefined : prompt, id: `${run}:${cell.id}`, name: cell.id, labels: labelsOf(place.at) };
    }
    return place;
  }

  for (const [run, found] of data.cells.entries()) {
    for (const [row, cell] of found) {
      const place = { run, row, cell }; // an entry once it is asked for
      cells.set(`${row}|${runs[run].at.join()}`, place);
      ids.set(`${run}:${cell.id}`, place);
    }
  }

  function byDefault() {
    const most = isNarrow() ? MOST.narrow : MOST.wide;
    const fresh = { columns: [], rows: [], tabs: [] };
    let width = 1;
    for (const [axis, { values }] of axes.entries()) {
      if (!fresh.columns.length || (width * values.length <= most && !fresh.tabs.length)) {
        fresh.columns.push(axis);
        width *= values.length;
      } else if (!fresh.rows.length && data.rows.length === 1 && !isNarrow()) fresh.rows.push(axis);
      else fresh.tabs.push([axis, 0]);
    }
    return fresh;
  }

  const numberOf = (key) => axes.findIndex((axis) => axis.key === key);

  function fromAddress() {
    const said = new URLSearchParams(location.hash.slice(1));
    if (!said.has("columns") && !said.has("rows") && !axes.some(({ key }) => said.has(`at.${key}`))) return null;
    const listed = (name) => (said.get(name) || "").split(",").map(numberOf).filter((axis) => axis >= 0);
    const fresh = { columns: [...new Set(listed("columns"))], rows: [], tabs: [] };
    fresh.rows = [...new Set(listed("rows"))].filter((axis) => !fresh.columns.includes(axis));
    for (const [axis, { key, values }] of axes.entries()) {
      if (fresh.columns.includes(axis) || fresh.rows.includes(axis)) continue;
      fresh.tabs.push([axis, Math.max(0, values.indexOf(said.get(`at.${key}`)))]);
    }
    return fresh;
  }

  function toAddress() {
    const said = new URLSearchParams(location.hash.slice(1)); // what others keep there stays
    for (const name of [...said.keys()]) if (name === "columns" || name === "rows" || name.startsWith("at.")) said.delete(name);
    for (const role of ["columns", "rows"]) if (state[role].length || role === "columns") said.set(role, state[role].map((axis) => axes[axis].key).join());
    for (const [axis, value] of state.tabs) said.set(`at.${axes[axis].key}`, axes[axis].values[value]);
    history.replaceState(null, "", `#${said}`);
  }

  // A tab that would show nothing (its combination was not run) gives way to one that shows something.
  function settled(fresh) {
    const fits = (run, tabs) => tabs.every(([axis, value]) => run.at[axis] === value);
    const tabs = [...fresh.tabs];
    for (let kept = tabs.length; kept > 0 && !runs.some((run) => fits(run, tabs)); kept--) {
      const run = runs.find((one) => fits(one, tabs.slice(0, kept - 1)));
      if (run) for (let at = kept - 1; at < tabs.length; at++) tabs[at] = [tabs[at][0], run.at[tabs[at][0]]];
    }
    return { ...fresh, tabs };
  }

  function change(fresh) {
    state = settled(fresh);
    toAddress();
    for (const listener of listeners) listener();
  }

  const without = (axis) => ({
    columns: state.columns.filter((one) => one !== axis),
    rows: state.rows.filter((one) => one !== axis),
    tabs: state.tabs.filter(([one]) => one !== axis),
  });

  function setRole(axis, role) {
    const fresh = without(axis);
    fresh[role].push(role === "tabs" ? [axis, 0] : axis);
    fresh.tabs.sort((a, b) => a[0] - b[0]);
    change(fresh);
  }

  const setTab = (axis, value) => change({ ...state, tabs: [...state.tabs.filter(([one]) => one !== axis).map((tab) => [...tab]), [axis, value]].sort((a, b) => a[0] - b[0]) });
  const show = (at) => change({ ...state, tabs: state.tabs.map(([axis]) => [axis, at[axis]]) });
  const roleOf = (axis) => ROLES.find((role) => state[role].some((one) => (role === "tabs" ? one[0] : one) === axis));

  // The combinations of some axes that were run, each as [axis, value] pairs with the runs that have them.
  function combined(chosen, possible) {
    let found = [{ pairs: [], runs: possible }];
    for (const axis of chosen) {
      found = found.flatMap(({ pairs, runs: having }) =>
        axes[axis].values
          .map((_, value) => ({ pairs: [...pairs, [axis, value]], runs: having.filter((run) => runs[run].at[axis] === value) }))
          .filter((one) => one.runs.length),
      );
    }
    return found;
  }

  function shownRuns() {
    return [...runs.keys()].filter((run) => state.tabs.every(([axis, value]) => runs[run].at[axis] === value));
  }

  // Of several settings the first one groups the columns: the first of a group, but for the very first, opens it.
  function madeColumns() {
    const found = combined(state.columns, shownRuns());
    const groupOf = ({ pairs }) => (pairs.length > 1 ? pairs[0][1] : null);
    return found.map((column, at) => ({ ...column, opens: at > 0 && groupOf(column) !== groupOf(found[at - 1]) }));
  }

  // Every row asks for them.
  function columns() {
    if (made.state !== state) made = { state, columns: madeColumns(), lines: combined(state.rows, shownRuns()) };
    return made.columns;
  }

  function lines() {
    columns();
    return made.lines;
  }

  function entryAt(row, column, line) {
    const at = [];
    for (const [axis, value] of [...column.pairs, ...line.pairs, ...state.tabs]) at[axis] = value;
    return entryOf(cells.get(`${row}|${at.join()}`));
  }

  const valueText = (axis, value) => axes[axis].values[value];

  state = settled(fromAddress() || byDefault());
  addEventListener("hashchange", () => {
    const fresh = fromAddress();
    if (!fresh || JSON.stringify(settled(fresh)) === JSON.stringify(state)) return;
    state = settled(fresh);
    for (const listener of listeners) listener();
  });

  window.vgpipeAxes = {
    ROLES,
    columns,
    lines,
    entryAt,
    valueText,
    nameOf,
    roleOf,
    setRole,
    setTab,
    show,
    isNarrow,
    entry: (id) => entryOf(ids.get(id)),
    entries: () => [...ids.values()].map(entryOf),
    columnAxes: () => state.columns,
    rowAxes: () => state.rows,
    tabs: () => state.tabs,
    onChange: (listener) => listeners.push(listener),
  };
})();
