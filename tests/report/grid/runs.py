"""How runs were started, for the tests of the grid."""

from __future__ import annotations

from tests.report.runs import record
from vgpipe.report.cards import Card, card
from vgpipe.report.grid.settings import RunSettings
from vgpipe.report.media import Media


def started(*words: str, at: float = 0.0, name: str = "run", parent: str = "x-sweep", **values: str) -> RunSettings:
    """Returns how a run was started: the words are `key=value`, the values those of its config, `_` for a dot."""
    return RunSettings(
        name=name,
        parent=parent,
        started_at=at,
        overrides=dict(word.split("=", 1) for word in words) or None,
        values={key.replace("_", ".", 1): value for key, value in values.items()},
    )


def clips(tmp_path, *pairs: tuple[str, int]) -> list[Card]:
    """Returns cards of clips with these prompts and seeds."""
    return [
        card(record(f"c{at}", prompt=prompt, seed=seed), Media(tmp_path)) for at, (prompt, seed) in enumerate(pairs)
    ]
