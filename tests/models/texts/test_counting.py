"""What is counted before anything is encoded is what the pipeline then cuts, with each family."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.registry import family
from vgpipe.models.text_reader import TextReading
from vgpipe.models.texts import counting
from vgpipe.models.texts.counting import count_unknown, read_texts
from vgpipe.models.texts.watching import watched
from vgpipe.models.weights.load_component import load_component

BASE = "a small red circle moving left on a white background "
TEXTS = [
    "fox",
    BASE * 200 + "and then a blue square",
    f"  {BASE * 60}",
    f'the word "{BASE * 30}" on a wall',
    "雪地里的狐狸" * 300,
    "it&amp;s  two\n\nlines " * 150,
    "",
]
FAMILIES = {
    "wan21_t2v_1_3b": ("wan", 512),
    "hunyuan_video": ("hunyuan_video", 256),
    "hunyuan_video_15": ("hunyuan_video_15", 1000),
    "text_to_video_ms": ("text_to_video_sd", 77),
    "cogvideox_2b": ("cogvideox", 226),
    "sana_video": ("sana_video", 300),
    "mochi_1_preview": ("generic", 512),
}


@pytest.fixture(scope="module", params=FAMILIES)
def driver(request, tmp_path_factory):
    """A family on a tiny checkpoint of it."""
    name, limit = FAMILIES[request.param]
    try:
        folder = tiny.build(request.param, tmp_path_factory.mktemp(request.param))
    except ImportError as error:
        pytest.skip(f"the installed diffusers lacks it: {error}")
    return family(name, Checkpoint(folder), Settings(max_sequence_length=limit))


def test_what_is_counted_is_what_encoding_cuts(driver, tmp_path):
    counted = read_texts(driver, TEXTS, cache=tmp_path)
    checkpoint, settings = driver.checkpoint, driver.settings
    loaded = {
        name: driver.load(name, lambda component: load_component(checkpoint, component, settings, "cpu"))
        for name in driver.encode_components
    }
    classes = {name: type(one) for name, one in loaded.items()}
    for text in TEXTS:
        with watched(loaded) as watch:
            driver.encode(loaded, text)
        seen = watch.reading_of(text)
        assert {name: type(one) for name, one in loaded.items()} == classes
        assert _told(seen) == _told(counted.get(text, TextReading()))
        assert text not in counted or (seen.same, seen.readers) == (counted[text].same, counted[text].readers)
    assert len(counted) >= 2


def _told(reading):
    return [(cut.tokenizer, cut.read, cut.of, cut.place, cut.rest) for cut in reading.cuts]


@pytest.fixture
def wan(tmp_path):
    folder = tiny.build("wan21_t2v_1_3b", tmp_path / "model")
    return family("wan", Checkpoint(folder), Settings(max_sequence_length=512))


def test_the_answer_is_kept_and_short_texts_ask_nothing(wan, tmp_path, monkeypatch):
    first = read_texts(wan, TEXTS, cache=tmp_path)
    monkeypatch.setattr(counting._Counter, "_ask", lambda *_: pytest.fail("asked again"))
    assert read_texts(wan, TEXTS, cache=tmp_path) == first and first
    assert read_texts(wan, ["a red circle"] * 10_000, cache=tmp_path) == {}
    for kept in (tmp_path / "read-texts").iterdir():
        kept.write_text("[" * 5)
    with pytest.raises(BaseException, match="asked again"):
        read_texts(wan, TEXTS, cache=tmp_path)


def test_a_process_without_torch_gives_the_same(wan, tmp_path):
    here = read_texts(wan, TEXTS, cache=tmp_path / "here")
    script = f"""
import sys
from pathlib import Path
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.registry import family
from vgpipe.models.texts.counting import read_texts
driver = family("wan", Checkpoint(Path({str(wan.checkpoint.folder)!r})), Settings(max_sequence_length=512))
found = read_texts(driver, {TEXTS!r}, cache=Path({str(tmp_path / "child")!r}))
print([found[text] for text in {TEXTS!r} if text in found])
print({{"torch", "transformers", "numpy"}} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [str([here[text] for text in TEXTS if text in here]), "set()"]


def test_a_tokenizer_that_is_absent_or_torn_stops_nothing(wan, tmp_path):
    torn = wan.checkpoint.folder / "tokenizer" / "tokenizer.json"
    torn.write_text("{")
    assert read_texts(wan, TEXTS, cache=tmp_path) == {} and count_unknown(wan, TEXTS) == 0
    for path in (wan.checkpoint.folder / "tokenizer").iterdir():
        path.unlink()
    (wan.checkpoint.folder / "tokenizer").rmdir()
    assert read_texts(wan, TEXTS, cache=tmp_path) == {} and count_unknown(wan, TEXTS) == 5


def test_a_tokenizer_elsewhere_is_taken_from_there(wan, tmp_path):
    absent = Checkpoint(Path("nowhere"), index=wan.checkpoint.index)
    planned = family("wan", absent, wan.settings)
    assert read_texts(planned, TEXTS, wan.checkpoint.folder, tmp_path) == read_texts(wan, TEXTS, cache=tmp_path)
