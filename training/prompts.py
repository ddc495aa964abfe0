"""Prompts that say what a scene shows, in many phrasings.

A prompt never contradicts its scene: words it leaves out (the size, the background) may be anything, a
missing speed means normal, and for growing and shrinking objects a size word carries no meaning.
"""

import random
import re
from collections.abc import Mapping

from training.world import DIRECTIONS, Scene

CANONICAL_SHARE = 0.35
UNKNOWN_SHARE = 0.1

PREFIXES = (
    "a video of",
    "a short clip of",
    "a clip showing",
    "video of",
    "an animation of",
    "a movie of",
    "a scene with",
)
SHAPE_WORDS = {
    "circle": ("circle", "circle", "circle", "circle", "disc", "disk", "ball", "dot"),
    "square": ("square", "square", "square", "square", "square", "box"),
    "triangle": ("triangle",),
}
COLOUR_WORDS = {
    "purple": ("purple", "purple", "purple", "violet"),
    "cyan": ("cyan", "cyan", "cyan", "turquoise"),
}
GROUND_WORDS = {"gray": ("gray", "grey")}
SIZE_WORDS = {
    "small": ("small", "small", "small", "small", "little", "tiny"),
    "large": ("large", "large", "large", "big", "big"),
}
SPEED_WORDS = {
    "slow": ("slowly", "slowly", "slowly", "slow", "gently", "at a slow speed", "at low speed"),
    "normal": ("", "", "", "", "", "at normal speed", "at a normal speed", "at medium speed", "steadily"),
    "fast": ("quickly", "quickly", "fast", "fast", "rapidly", "at high speed", "at a fast speed"),
}
# Each pair: what follows the object directly ("a circle moving ..."), and a full verb ("it moves ...").
TRAVEL_VERBS = (
    ("moving", "moves"),
    ("moving", "is moving"),
    ("drifting", "drifts"),
    ("sliding", "slides"),
    ("going", "goes"),
    ("travelling", "travels"),
    ("traveling", "travels"),
    ("floating", "floats"),
    ("gliding", "glides"),
    ("flying", "flies"),
)
DIRECTION_WORDS = {
    "left": (
        "left",
        "left",
        "to the left",
        "leftward",
        "leftwards",
        "towards the left",
        "from right to left",
    ),
    "right": (
        "right",
        "right",
        "to the right",
        "rightward",
        "rightwards",
        "towards the right",
        "from left to right",
    ),
    "up": ("up", "up", "upward", "upwards", "to the top", "towards the top", "from bottom to top"),
    "down": (
        "down",
        "down",
        "downward",
        "downwards",
        "to the bottom",
        "towards the bottom",
        "from top to bottom",
    ),
}
VERTICAL_VERBS = {
    "up": (("rising", "rises"), ("ascending", "ascends"), ("climbing", "climbs")),
    "down": (("falling", "falls"), ("descending", "descends"), ("sinking", "sinks"), ("dropping", "drops")),
}
OTHER_MOTIONS = {
    "still": (
        ("standing still", "stands still"),
        ("standing still", "is still"),
        ("staying still", "stays still"),
        ("not moving", "does not move"),
        ("that does not move", "is not moving"),
        ("motionless", "is motionless"),
        ("staying in place", "stays in place"),
        ("static", "is static"),
        ("stationary", "is stationary"),
        ("at rest", "is at rest"),
        ("sitting still", "sits still"),
        ("holding still", "remains still"),
        ("still", "remains in place"),
    ),
    "growing": (
        ("growing", "grows"),
        ("growing", "is growing"),
        ("growing", "grows"),
        ("growing larger", "grows larger"),
        ("growing bigger", "grows in size"),
        ("getting bigger", "gets bigger"),
        ("getting larger", "is getting larger"),
        ("becoming bigger", "becomes larger"),
        ("expanding", "expands"),
        ("increasing in size", "increases in size"),
    ),
    "shrinking": (
        ("shrinking", "shrinks"),
        ("shrinking", "is shrinking"),
        ("shrinking", "shrinks"),
        ("shrinking in size", "shrinks in size"),
        ("getting smaller", "gets smaller"),
        ("getting smaller", "is getting smaller"),
        ("becoming smaller", "becomes smaller"),
        ("contracting", "contracts"),
        ("decreasing in size", "decreases in size"),
    ),
}
CANONICAL = "a {size} {colour} {shape} {doing} on a {ground} background"
TEMPLATES = (
    "a {size} {colour} {shape} {doing} on a {ground} background",
    "a {size} {colour} {shape} {doing}, on {ground}",
    "a {size} {colour} {shape} {doing} on a plain {ground} background",
    "a {size} {colour} {shape} {doing} against a {ground} background",
    "a {size} {colour} {shape} {doing} in front of a {ground} background",
    "a {size} {colour} {shape} {doing} over a {ground} backdrop",
    "{size} {colour} {shape} {doing} on {ground}",
    "{size} {colour} {shape} {doing}, {ground} background",
    "{size} {colour} {shape}, {doing}, {ground} background",
    "a {size} {colour} {shape} on a {ground} background, {doing}",
    "a {size} {colour} {shape} on a {ground} background {does}",
    "the {size} {colour} {shape} {does} on a {ground} background",
    "one {size} {colour} {shape} {does} across a {ground} background",
    "on a {ground} background a {size} {colour} {shape} {does}",
    "on a {ground} background, a {size} {colour} {shape} {doing}",
    "a {ground} background with a {size} {colour} {shape} {doing}",
    "{ground} background, {size} {colour} {shape} {doing}",
    "a {size} {shape} that is {colour} {does} on a {ground} background",
    "on a {ground} background a {size} {shape} that is {colour} {does}",
    "a {size} {shape} in {colour} {doing} on a {ground} background",
    "a {colour} {size} {shape} {doing} on a {ground} background",
    "a {size} {colour} {shape} {does}. the background is {ground}.",
    "the {shape} is {size} and {colour}, it {does}, the background is {ground}",
    "the background is {ground}. a {size} {colour} {shape} {does}.",
)
GROUNDLESS = (
    "a {size} {colour} {shape} {doing}",
    "a {size} {colour} {shape} {does}",
    "{size} {colour} {shape} {doing}",
)
UNKNOWN_WORDS = (
    "beautiful",
    "cinematic",
    "4k",
    "glossy",
    "solid",
    "flat",
    "detailed",
    "simple",
    "lovely",
    "smoothly",
)


def prompt_for(scene: Scene, rng: random.Random) -> str:
    """Describe a scene in one of many phrasings.

    Args:
        scene: What the clip shows.
        rng: Chooses the phrasing.
    """
    if rng.random() < CANONICAL_SHARE:
        return canonical_prompt(scene, rng)
    doing, does = _motion_phrases(scene, rng)
    template = rng.choice(GROUNDLESS if rng.random() < 0.06 else TEMPLATES)
    words = {
        "size": _size_word(scene, rng),
        "colour": rng.choice(COLOUR_WORDS.get(scene.colour, (scene.colour,))),
        "shape": rng.choice(SHAPE_WORDS[scene.shape]),
        "doing": doing,
        "does": does,
        "ground": rng.choice(GROUND_WORDS.get(scene.background, (scene.background,))),
    }
    if not words["size"]:
        template = template.replace("is {size} and {colour}", "is {colour}")
    text = template.format(**words)
    if rng.random() < 0.1:
        text = f"{rng.choice(PREFIXES)} {text}"
    return _tidy(_with_unknown_word(text, rng))


def canonical_prompt(scene: Scene, rng: random.Random) -> str:
    """The plain phrasing: "a small red triangle moving left slowly on a white background"."""
    doing = {"still": "standing still"}.get(scene.motion, scene.motion)
    if scene.motion in DIRECTIONS:
        doing = f"moving {scene.motion} {({'slow': 'slowly', 'fast': 'quickly'}).get(scene.speed or '', '')}"
    size = scene.size or _size_word(scene, rng)
    words = {
        "size": size,
        "colour": scene.colour,
        "shape": scene.shape,
        "doing": doing,
        "ground": scene.background,
    }
    return _tidy(CANONICAL.format(**words))


def vocabulary() -> list[str]:
    """Every word and punctuation mark that a prompt can hold, sorted; unknown words left out."""
    named: tuple[Mapping[str, tuple[str, ...]], ...] = (SHAPE_WORDS, COLOUR_WORDS, GROUND_WORDS)
    graded: tuple[Mapping[str, tuple[str, ...]], ...] = (SIZE_WORDS, SPEED_WORDS, DIRECTION_WORDS)
    doing: tuple[Mapping[str, tuple[tuple[str, str], ...]], ...] = (VERTICAL_VERBS, OTHER_MOTIONS)
    phrases = [w for table in (*named, *graded) for words in table.values() for w in words]
    pairs = [*TRAVEL_VERBS, *(p for table in doing for pairs in table.values() for p in pairs)]
    phrases += [w for pair in pairs for w in pair]
    phrases += [re.sub(r"\{\w+\}", " ", t) for t in (*PREFIXES, *TEMPLATES, *GROUNDLESS)]
    phrases += ["red green blue yellow purple cyan black white still growing shrinking"]
    return sorted({w for phrase in phrases for w in re.findall(r"[a-z]+|[.,]", phrase)})


def _size_word(scene: Scene, rng: random.Random) -> str:
    if scene.size is None:
        likely = "small" if scene.motion == "growing" else "large"
        size = rng.choice(("", "", likely, likely, "small", "large"))
    else:
        size = scene.size if rng.random() < 0.85 else ""
    return rng.choice(SIZE_WORDS[size]) if size else ""


def _motion_phrases(scene: Scene, rng: random.Random) -> tuple[str, str]:
    """The motion as a participle phrase and as a verb phrase."""
    if scene.motion not in DIRECTIONS:
        return rng.choice(OTHER_MOTIONS[scene.motion])
    where = rng.choice(DIRECTION_WORDS[scene.motion])
    pair = rng.choice(TRAVEL_VERBS)
    if scene.motion in VERTICAL_VERBS and rng.random() < 0.2:
        pair, where = rng.choice(VERTICAL_VERBS[scene.motion]), ""
    speed = rng.choice(SPEED_WORDS[scene.speed or "normal"])
    doing, does = (_placed(verb, where, speed, rng) for verb in pair)
    return doing, does


def _placed(verb: str, where: str, speed: str, rng: random.Random) -> str:
    """Put the adverb after the direction, between verb and direction, or first."""
    orders = [(verb, where, speed), (verb, where, speed), (verb, speed, where)]
    if speed.endswith("ly") and not verb.startswith("is "):
        orders.append((speed, verb, where))
    return " ".join(rng.choice(orders))


def _with_unknown_word(text: str, rng: random.Random) -> str:
    """Now and then insert a word outside the vocabulary, so that such words do no harm."""
    if rng.random() >= UNKNOWN_SHARE:
        return text
    words = text.split()
    words.insert(rng.randrange(len(words) + 1), rng.choice(UNKNOWN_WORDS))
    return " ".join(words)


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", text)
    return re.sub(r"\s+([,.])", r"\1", text).strip()
