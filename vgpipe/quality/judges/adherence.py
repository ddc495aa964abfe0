"""The judge `adherence`: how little the prompt still changes what the clip's own model predicts of its preview.

Noise is laid over a preview, and the denoiser predicts the clip from it twice: with the prompt and without. Where the
two agree, the preview already shows what the prompt says; where they differ, the prompt still pulls it elsewhere.
Their difference is what classifier-free guidance amplifies: the gradient of log p(prompt | noised clip), an implicit
classifier (Ho and Salimans 2022, arXiv 2207.12598), and it vanishes where that classifier is sure. Judging by noised
predictions of the generator itself is the idea of the diffusion classifier (Li et al. 2023, arXiv 2303.16203; Clark
and Jaini 2023, arXiv 2303.15233), which compares their errors instead: over previews of one prompt that ranks worse
(docs/judges.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from vgpipe.quality.judges.base import DIGITS, Judge, Needs

ADHERENCE = Judge("adherence", Needs.DENOISER, version=1)
NOISE_LEVELS = (0.5, 0.2)
"""Share of noise that is laid over a preview, 0 to 1, for each pair of predictions; part of `version`."""
SMALLEST = 1e-12


def score(pulls: Sequence[float]) -> float | None:
    """Returns the score of a preview; None without measurements, or where one is not finite.

    Args:
        pulls: at each noise level, the mean squared difference of the predictions with the prompt and without, 0 or
            more. Logarithms make levels count alike, since more noise leaves more to predict.
    """
    if not pulls or not all(map(math.isfinite, pulls)):
        return None
    return round(-sum(math.log(max(pull, SMALLEST)) for pull in pulls) / len(pulls), DIGITS)
