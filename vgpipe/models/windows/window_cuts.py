"""How the arguments of a denoiser's `forward` are cut to a window of a clip.

A family names, for each argument that depends on the clip's length, one of the kinds below; all others are the same
for every window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Span:
    """A window of a clip, or all of it.

    Attributes:
        start: its first latent frame.
        length: latent frames.
        total: latent frames of the clip.
    """

    start: int
    length: int
    total: int

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the clip."""
        return self.length == self.total

    def entries_of(self, size: int) -> tuple[int, int]:
        """Returns where the window begins, and how many entries it has, among `size` entries of the whole clip."""
        return size * self.start // self.total, size * self.length // self.total


class Cut(Protocol):
    """One kind of argument."""

    def cut(self, value: Any, span: Span) -> Any:
        """Returns a window's part of an argument of the whole clip; shares its memory."""
        ...


@dataclass(frozen=True, slots=True)
class Along:
    """A tensor with entries along an axis, frame after frame: frames, or some tokens for each.

    One that has no such axis, or a single entry for all frames, is the same for every window.

    Attributes:
        axis: of the tensor.
    """

    axis: int

    def cut(self, value: Any, span: Span) -> Any:
        """Returns the window's entries."""
        if not self.is_along(value, span.total):
            return value
        return value.narrow(self.axis, *span.entries_of(value.shape[self.axis]))

    def is_along(self, value: Any, total: int) -> bool:
        """Whether a tensor has entries for each of `total` frames, rather than the same for all."""
        return value is not None and value.ndim > self.axis and value.shape[self.axis] % total == 0


@dataclass(frozen=True, slots=True)
class FirstAlong:
    """Positions along an axis of one or more tensors: every window has the first one's, those of a clip of its length.

    Attributes:
        axis: of the tensors.
    """

    axis: int

    def cut(self, value: Any, span: Span) -> Any:
        """Returns the first window's entries."""
        if isinstance(value, tuple):
            return tuple(self.cut(one, span) for one in value)
        return Along(self.axis).cut(value, Span(0, span.length, span.total))


@dataclass(frozen=True, slots=True)
class Repeated:
    """A tensor whose batch has every entry once for each frame, the frames of an entry together."""

    def cut(self, value: Any, span: Span) -> Any:
        """Returns the entries for the window's frames."""
        if not Along(0).is_along(value, span.total):
            return value
        frames: torch.Tensor = value.unflatten(0, (-1, span.total)).narrow(1, span.start, span.length)
        return frames.flatten(0, 1)


@dataclass(frozen=True, slots=True)
class Count:
    """The number of latent frames."""

    def cut(self, value: Any, span: Span) -> Any:
        """Returns the window's."""
        return None if value is None else span.length


@dataclass(frozen=True, slots=True)
class WindowCuts:
    """How a denoiser's call is cut.

    Attributes:
        sample: the argument that is denoised.
        axis: of the sample, and of what is predicted for it: that of its frames, or of tokens frame after frame.
        others: further arguments that depend on the clip's length, and their kinds.
    """

    sample: str
    axis: int
    others: Mapping[str, Cut] = field(default_factory=dict)

    def of_window(self, arguments: Mapping[str, Any], span: Span) -> dict[str, Any]:
        """Returns the arguments of a window's call; those of a window that is the whole clip are the clip's own."""
        if span.is_whole:
            return dict(arguments)
        kinds = {self.sample: Along(self.axis), **self.others}
        return {name: kinds[name].cut(value, span) if name in kinds else value for name, value in arguments.items()}

    def may_depend_on_prompt(self, argument: str) -> bool:
        """Whether an argument may hold what the prompt says, which can hold for some windows alone."""
        return argument != self.sample and isinstance(self.others.get(argument), Repeated | None)
