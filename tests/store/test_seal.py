from __future__ import annotations

import json

import pytest

from vgpipe.store.seal import Seal, seal_of, sealed

TEXT = b'{"clip": "a", "prompt": "a, \\"checksum\\": \\"x\\""}'


def test_a_sealed_text_is_the_same_object_with_one_key_more():
    values = json.loads(sealed(TEXT))
    assert len(values.pop("checksum")) == 64 and values == json.loads(TEXT)
    assert seal_of(sealed(TEXT)) is Seal.WHOLE is seal_of(sealed(TEXT) + b"\n")
    assert json.loads(sealed(json.dumps({"a": 1}, indent=1).encode()))["a"] == 1


def test_a_text_of_before_has_no_seal():
    assert seal_of(TEXT) is Seal.NONE is seal_of(b"")


@pytest.mark.parametrize("at", range(len(sealed(TEXT))))
def test_no_changed_bit_passes_for_whole(at):
    text = bytearray(sealed(TEXT))
    text[at] ^= 1
    assert seal_of(bytes(text)) is not Seal.WHOLE


def test_what_is_cut_or_added_breaks_it():
    whole = sealed(TEXT)
    assert all(seal_of(whole[:length]) is not Seal.WHOLE for length in range(len(whole)))
    assert seal_of(whole[:-1] + b', "seed": 3}') is Seal.BROKEN
