from __future__ import annotations

import re
from pathlib import Path

import vgpipe
from vgpipe.api import html


def test_clips_are_players_with_the_files_embedded(made):
    page = made._repr_html_()
    assert page.count("<video ") == 2 and page.count("data:video/mp4;base64,") == 2
    assert "&lt;b&gt;large&lt;/b&gt;" in page and "<b>large" not in page and not re.search(r'src="(?!data:)', page)
    assert "2 done" in page and str(made.root) in page


def test_what_is_too_large_is_left_out(made, monkeypatch):
    monkeypatch.setattr(html, "ENOUGH_FOR_ONE", made.clips[0].files["mp4"].stat().st_size)
    assert "<video " not in made.clips[0]._repr_html_()
    monkeypatch.setattr(html, "MAX_CLIPS", 1)
    assert "and 1 more in" in made._repr_html_()


def test_a_still_is_shown_of_what_no_browser_plays(made):
    files = {"mov_prores": Path("x.mov"), "poster": made.clips[0].files["poster"]}
    assert 'src="data:image/jpeg;base64,' in vgpipe.ClipResult(id="a", state="done", files=files)._repr_html_()
