"""Counts tokens in a process of its own, in which transformers is imported without torch: a third of the time."""

from __future__ import annotations

import json
import sys
from dataclasses import astuple
from pathlib import Path

from vgpipe.models.text_reader import Form, TextReader
from vgpipe.models.texts.counting import MARK
from vgpipe.models.texts.open_tokenizer import cuts_of, open_tokenizer


def main() -> None:
    """Reads a question from stdin and writes the answer to stdout, one line of JSON each."""
    asked = json.load(sys.stdin)
    reader = TextReader(**{**asked["reader"], "form": Form(asked["reader"]["form"])})
    tokenizer = open_tokenizer(asked["class"], Path(asked["place"]), reader)
    found = [one and astuple(one) for one in cuts_of(tokenizer, reader, asked["texts"])]
    sys.stdout.write(f"\n{MARK}{json.dumps(found)}\n")
