// The viewer on the comparison page: a clip is called by the values that its run has on the axes.
(function () {
  "use strict";
  const layout = window.vgpipeAxes;
  const data = window.vgpipeComparison;
  const clipOf = ({ clip, at }) => ({ ...clip, name: clip.id.slice(clip.id.indexOf(":") + 1), label: layout.nameOf(at) });

  // In the order of the grid, row by row, as far as it is shown now.
  function shown() {
    const [columns, lines] = [layout.columns(), layout.lines()];
    const inRow = (row) => lines.flatMap((line) => columns.map((column) => layout.entryAt(row, column, line)));
    return [...data.rows.keys()].flatMap(inRow).filter(Boolean).map(clipOf);
  }

  window.vgpipeViewer.init({
    clips: () => layout.entries().map(clipOf),
    shown,
    cardOf: (id) => (layout.entry(id) || {}).element,
  });
})();
