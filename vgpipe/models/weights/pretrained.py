"""Arguments and results of the libraries' `from_pretrained`."""

from __future__ import annotations

from typing import Any


def dtype_keyword(loader: Any) -> str:
    """Returns the name of a class's precision argument: transformers renamed it in 4.56 and warns of the old one."""
    if loader.__module__.startswith("diffusers"):
        return "torch_dtype"
    import transformers
    from packaging.version import Version

    return "dtype" if Version(transformers.__version__) >= Version("4.56") else "torch_dtype"


def refuse_unfilled(info: dict[str, Any]) -> None:
    """Refuses a module that its files did not fill: transformers puts random weights there and only warns.

    Raises:
        ValueError: naming the first few tensors.
    """
    for kind in ("missing_keys", "mismatched_keys"):
        names = sorted(str(name) for name in info.get(kind) or ())
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(f"{kind.replace('_keys', '')} tensors: {', '.join(names[:3])}{more}")


def copy_out_of_files(module: Any, dtype: Any) -> None:
    """Copies the few tensors that the library kept in another precision than asked for; changes `module` in place.

    They are views into the mapped weight files; while one of them lives, the whole of its file stays mapped, beside the
    converted weights.

    Args:
        module: as loaded.
        dtype: torch dtype that was asked for.
    """
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point() and tensor.dtype != dtype and not tensor.is_meta:
            tensor.data = tensor.data.clone()
