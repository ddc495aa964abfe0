"""The example notebook runs as it is, in a kernel of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


def test_every_cell_runs_and_shows_clips_bars_and_a_table(workdir):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient").NotebookClient
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "the repository keeps no outputs"
    client(notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(workdir)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pages = ["".join(output["data"].get("text/html", "")) for output in outputs if "data" in output]
    assert sum(page.count("data:video/mp4;base64,") for page in pages) == 3, "two of the run, one that was read again"
    assert any("<table" in page and "sharpness" in page for page in pages)
    bars = [one for one in outputs if "application/vnd.jupyter.widget-view+json" in one.get("data", {})]
    texts = "".join(output.get("text", "") for output in outputs)
    assert bars or "clips" in texts, "widgets, or text without ipywidgets"
    assert len(list((workdir / "outputs/prompts").iterdir())) == 1
