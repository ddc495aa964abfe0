"""Seeds drawn at random: all of a run come from one number, from which they are drawn again."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from itertools import count


def new_origin() -> int:
    """Returns a number to draw seeds from that no other run has, but for one chance in 2^53."""
    return secrets.randbelow(2**53)  # exact in every reader of JSON


class Draws:
    """Draws the seeds of one job; those of a prompt do not depend on the prompts around it.

    Args:
        origin: the number that they are drawn from.
        job: the name of the job, since jobs of one run may have the same prompts.

    Attributes:
        num_drawn: how many seeds were drawn.
    """

    def __init__(self, origin: int, job: str = ""):
        self.num_drawn = 0
        self._place = f"{origin} {job}"
        self._met: Counter[str] = Counter()
        self._drawn: set[int] = set()

    def seeds(self, prompt: str, num_takes: int) -> tuple[int, ...]:
        """Draws the seeds of a prompt; a prompt that was there before gets others.

        Args:
            prompt: what tells it from the other prompts of the job.
            num_takes: how many; the first ones are the same for any number.

        Returns:
            Different seeds that no other prompt of the job has drawn, from 0 to 2^32 - 1: torch's CPU generator reads
            no more of a seed.
        """
        self._met[prompt] += 1
        place = f"{self._place} {self._met[prompt]} {prompt}".encode("utf-8", "surrogatepass")
        self.num_drawn += num_takes
        return tuple(self._seed(hashlib.sha256(place).digest(), take) for take in range(num_takes))

    def _seed(self, place: bytes, take: int) -> int:
        tried = (_number(b"%b %d %d" % (place, take, attempt)) for attempt in count())
        seed = next(one for one in tried if one not in self._drawn)
        self._drawn.add(seed)
        return seed


def _number(text: bytes) -> int:
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")
