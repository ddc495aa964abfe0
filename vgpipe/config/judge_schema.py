"""The schema of `judge`: by what previews of one prompt are ranked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vgpipe.config.limits import record
from vgpipe.errors import Fault
from vgpipe.quality.judges.clip import CLIP
from vgpipe.typed import as_typed

EXAMPLE = "openai/clip-vit-large-patch14"


@record
class JudgeConfig:
    """Who gives previews the score that contests and `continue RUN_DIR pick=best:10` rank them by (docs/judges.md)."""

    name: Literal["checks", "adherence", "clip"] = "checks"
    """`checks` counts the checks that fail, which costs nothing; `adherence` has the clip's own model tell how far the
    prompt still pulls the preview; `clip` has a CLIP model tell how similar frames and prompt are."""
    id: Annotated[str, Field(min_length=1)] | None = None
    """Of `clip`: the model, a folder or a hub repo (`owner/name`) with a transformers CLIPModel in safetensors."""
    revision: str | None = None
    """Of a hub repo: branch, tag or commit; null: its main branch."""


def judge_faults(judge: JudgeConfig) -> list[Fault]:
    """Returns what is missing for the chosen judge, or given for none."""
    if judge.name == CLIP.name and judge.id is None:
        remedy = f"type {as_typed('judge.id', EXAMPLE)}, or another CLIP model's folder or repo"
        return [Fault("judge.id", "is needed by judge.name=clip: no such model comes with vgpipe", remedy)]
    if judge.name != CLIP.name and judge.id is not None:
        return [Fault("judge.id", f"is not used by judge.name={judge.name}", "type judge.name=clip, or leave it out")]
    return []
