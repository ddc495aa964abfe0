"""The scales that PEFT and diffusers keep beside an adapter's tensors, and not among them as an alpha."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vgpipe.errors import ModelError

PEFT_CONFIG, PEFT_FILE = "adapter_config.json", "adapter_model.safetensors"
METADATA_KEY = "lora_adapter_metadata"
PATTERNS = ("alpha_pattern", "rank_pattern")


@dataclass(frozen=True, slots=True)
class Scales:
    """What an adapter's changes are multiplied by.

    Attributes:
        rank: of the adapter.
        alpha: of the adapter.
        ranks: ending of a layer's name, as a pattern -> its own rank.
        alphas: likewise, its own alpha.
        by_root: whether the rank's square root divides (rsLoRA).
    """

    rank: int
    alpha: float
    ranks: Mapping[str, int] = field(default_factory=dict)
    alphas: Mapping[str, float] = field(default_factory=dict)
    by_root: bool = False

    def of(self, layer: str) -> float:
        """Returns the factor of a layer."""
        rank, alpha = _own(self.ranks, layer, self.rank), _own(self.alphas, layer, self.alpha)
        return float(alpha / (rank**0.5 if self.by_root else rank))

    @property
    def mark(self) -> object:
        """What names it in store keys: one number where all layers have the same, as it always was."""
        if not self.ranks and not self.alphas:
            return self.of("")
        return [self.of(""), dict(self.ranks), dict(self.alphas)]


def _own(patterns: Mapping[str, Any], layer: str, default: Any) -> Any:
    """Returns the value of the first pattern that a name ends in, as PEFT looks for it."""
    return next((one for pattern, one in patterns.items() if re.match(rf"(.*\.)?({pattern})$", layer)), default)


def beside(file: Path) -> Scales | None:
    """Returns what PEFT writes into `adapter_config.json` beside its file; None for files of others.

    Args:
        file: the adapter's.

    Raises:
        ModelError: where it cannot be read.
    """
    place = file.with_name(PEFT_CONFIG)
    if file.name != PEFT_FILE or not place.is_file():
        return None
    try:
        return _scales(json.loads(place.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError, ZeroDivisionError, re.error) as error:
        raise ModelError(f"model.loras: {place} cannot be read ({error}) -> copy it again") from None


def within(metadata: Mapping[str, Any] | None, component: str) -> Scales | None:
    """Returns what diffusers writes into the header of a file for one denoiser; None where there is nothing.

    Args:
        metadata: by the header.
        component: the denoiser's name.
    """
    prefix = f"{component}."
    own = {name.removeprefix(prefix): one for name, one in (metadata or {}).items() if name.startswith(prefix)}
    try:
        return _scales(own) if own else None
    except (ValueError, TypeError, KeyError, ZeroDivisionError, re.error):
        return None


def _scales(config: Mapping[str, Any]) -> Scales:
    alpha = config["lora_alpha"] if "lora_alpha" in config else config["alpha"]
    ranks, alphas = (dict(config.get(name) or {}) for name in ("rank_pattern", "alpha_pattern"))
    found = Scales(
        int(config["r"]), float(alpha), {str(name): int(one) for name, one in ranks.items()},
        {str(name): float(one) for name, one in alphas.items()}, bool(config.get("use_rslora")),
    )  # fmt: skip
    for layer in ("", *map(re.escape, found.ranks)):
        found.of(layer)  # a rank of 0, or a pattern that is none
    return found
