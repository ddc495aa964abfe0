"""The judge `clip`: how similar frames and prompt are to a CLIP model that the user has.

The mean cosine similarity over frames is CLIPScore without its factor (Hessel et al. 2021, arXiv 2104.08718), as
applied to videos frame by frame (CLIPSIM; Wu et al. 2021, arXiv 2104.14806).
"""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.quality.judges.base import DIGITS, Judge, Needs

CLIP = Judge("clip", Needs.OWN_MODEL, version=1)


def score(similarities: Sequence[float]) -> float | None:
    """Returns the score of a preview; None without frames.

    Args:
        similarities: of each frame that was looked at, cosine of its embedding and the prompt's, -1 to 1.
    """
    return round(sum(similarities) / len(similarities), DIGITS) if similarities else None
