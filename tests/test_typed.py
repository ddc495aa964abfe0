"""Words to type: what the shell and Hydra make of them is the value again."""

import shlex

from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from vgpipe.typed import as_typed

PARSER = OverridesParser.create()
# `???` is OmegaConf's word for a value that is missing; no quotes make a text of it.
TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30).filter(lambda text: text != "???")
KEYS = st.text("abcXYZ012 _()[]{}:=,-\\", min_size=1, max_size=12).filter(
    lambda key: key == key.strip() and not key.replace("_", "").isdigit() and key[0].isalpha()
)
PLAIN = ["null", "1e5", "~/x", "/x.gguf", "e3", "../x", "True", "a,b"]
WORDS = st.sampled_from(["a cat's paw & a dog's tail", 'he said "hi"\\', "${x}", *PLAIN])


def typed_back(word: str) -> object:
    """Returns the value that Hydra composes of a word that was pasted into a shell."""
    (read,) = shlex.split(word)
    override = PARSER.parse_override(read)
    made = OmegaConf.create({override.key_or_group: override.value()})
    return OmegaConf.to_container(made, resolve=True)[override.key_or_group]


@settings(max_examples=100)
@given(TEXTS | WORDS)
def test_a_text_is_read_back(text):
    assert typed_back(as_typed("clip.prompt", text)) == text


@settings(max_examples=100)
@given(
    st.recursive(
        TEXTS | WORDS | st.integers() | st.booleans() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
        max_leaves=6,
    )
)
def test_lists_and_mappings_are_read_back(value):
    assert typed_back(as_typed("x", value)) == value


def test_what_is_plain_has_no_quotes():
    assert as_typed("model.loras", [{"id": "/x.safetensors"}]) == "'model.loras=[{id: /x.safetensors}]'"
    assert as_typed("model.id", "/models/wan") == "model.id=/models/wan"
    assert as_typed("clip.seed", 3) == "clip.seed=3"
