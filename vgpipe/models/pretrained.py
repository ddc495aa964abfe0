"""What the libraries' `from_pretrained` is told, and what it tells."""

from __future__ import annotations

from typing import Any


def dtype_keyword(loader: Any) -> str:
    """Returns the name of a class's precision argument: transformers renamed it in 4.56 and warns of the old one."""
    if loader.__module__.startswith("diffusers"):
        return "torch_dtype"
    import transformers
    from packaging.version import Version

    return "dtype" if Version(transformers.__version__) >= Version("4.56") else "torch_dtype"


def refuse_gaps(told: dict[str, Any]) -> None:
    """Refuses a module that its files did not fill: transformers puts random weights there and only warns.

    Raises:
        ValueError: naming the first few tensors.
    """
    for kind in ("missing_keys", "mismatched_keys"):
        names = sorted(str(name) for name in told.get(kind) or ())
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(f"{kind.replace('_keys', '')} tensors: {', '.join(names[:3])}{more}")
