"""Reads `seeds: {best_of: 8, keep: 1, at: [4, 8]}`, which is `best_of`, `best_of_keep` and `best_of_at` in one."""

from __future__ import annotations

from collections.abc import Mapping

from vgpipe.job.faults import Faults
from vgpipe.job.reading.field_faults import validate_fields
from vgpipe.job.reading.nodes import Node, Table, fields_of
from vgpipe.job.schema import ContestFields

SEEDS = "seeds"
FLAT = {"best_of": "best_of", "keep": "best_of_keep", "at": "best_of_at"}
"""Key below `seeds` -> setting."""


def with_flat_contest(fields: Mapping[str, Node], faults: Faults) -> dict[str, Node]:
    """Returns the fields of an entry or of the defaults with a contest as settings of its own.

    Args:
        fields: key -> node.
        faults: where the faults of the contest are recorded; of one with faults nothing is returned.
    """
    table = fields.get(SEEDS)
    if not isinstance(table, Table):
        return dict(fields)
    others = {name: node for name, node in fields.items() if name != SEEDS}
    own = fields_of(table, faults)
    values = validate_fields(table.line, own, ContestFields, faults)
    for key, name in FLAT.items():
        if key in own and name in others:
            what = f"both {name} and the {key} of seeds are given"
            faults.add(max(own[key].line, others[name].line), what, "keep one of them")
    return {**others, **{FLAT[key]: own[key] for key in values}}
