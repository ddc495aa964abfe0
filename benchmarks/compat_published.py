"""Gives a tiny checkpoint the files that published ones have: those were saved by older releases of transformers.

transformers 5 saves every tokenizer as a tokenizer.json, and CLIP's weights without the prefix of their names; the
repos that people render with have vocab.json and merges.txt, spiece.model, and the prefix.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

PREFIX = "text_model."
SPIECE_ALONE = ("CogVideoX", "Mochi")  # whose T5 tokenizer has no tokenizer.json
OLD_CLASSES = {"CLIPImageProcessorPil": "CLIPImageProcessor"}


def as_published(folder: Path) -> None:
    """Rewrites a checkpoint's tokenizers, CLIP text encoders and index in place."""
    index = json.loads((folder / "model_index.json").read_text())
    for component, entry in index.items():
        if not isinstance(entry, list) or entry[1] is None:
            continue
        if entry[1] == "CLIPTokenizer":
            _split_tokenizer(folder / component)
        elif entry[1] in ("T5Tokenizer", "T5TokenizerFast") and index["_class_name"].startswith(SPIECE_ALONE):
            _write_spiece(folder / component)
            entry[1] = "T5Tokenizer"
        elif entry[1].startswith("Qwen2Tokenizer"):
            _split_as_qwen(folder / component)
        elif entry[1] == "CLIPTextModel":
            _prefix_names(folder / component)
        elif entry[1] == "UMT5EncoderModel":
            _change(folder / component / "config.json", tie_word_embeddings=False)
        entry[1] = OLD_CLASSES.get(entry[1], entry[1])
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    for path in folder.glob("tokenizer*/tokenizer_config.json"):
        _as_of_4(path)
    for path in folder.glob("text_encoder*/config.json"):
        _name_rope(path)


def _split_tokenizer(folder: Path) -> None:
    """Writes vocab.json and merges.txt in place of tokenizer.json."""
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *pairs, ""]))
    (folder / "tokenizer.json").unlink()


def _split_as_qwen(folder: Path) -> None:
    """Writes Qwen's way of splitting text into tokenizer.json: transformers 4 takes it from there, 5 knows it."""
    from transformers import Qwen2TokenizerFast

    Qwen2TokenizerFast.from_pretrained(folder).backend_tokenizer.save(str(folder / "tokenizer.json"))


def _write_spiece(folder: Path) -> None:
    """Writes spiece.model in place of tokenizer.json."""
    from sentencepiece import sentencepiece_model_pb2

    made = sentencepiece_model_pb2.ModelProto()
    kinds = made.SentencePiece
    for piece, score in json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]:
        kind = {"<pad>": kinds.CONTROL, "</s>": kinds.CONTROL, "<unk>": kinds.UNKNOWN}.get(piece, kinds.NORMAL)
        made.pieces.add(piece=piece, score=score, type=kind)
    made.trainer_spec.model_type = made.trainer_spec.UNIGRAM
    made.trainer_spec.pad_id, made.trainer_spec.eos_id, made.trainer_spec.unk_id, made.trainer_spec.bos_id = 0, 1, 2, -1
    made.normalizer_spec.CopyFrom(_trained().normalizer_spec)
    (folder / "spiece.model").write_bytes(made.SerializeToString())
    (folder / "tokenizer.json").unlink()


def _change(path: Path, **changes: Any) -> None:
    """Changes a config as Wan's repos have it: one tensor of embeddings, and a config that calls it untied."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}, indent=2))


def _name_rope(path: Path) -> None:
    """Names the rotary positions of a text encoder as before transformers 5."""
    config: dict[str, Any] = json.loads(path.read_text())
    rope = config.pop("rope_parameters", None)
    if rope:
        theta = rope.pop("rope_theta")
        scaling = rope if rope.get("rope_type") != "default" or "mrope_section" in rope else None
        path.write_text(json.dumps({**config, "rope_theta": theta, "rope_scaling": scaling}, indent=2))


def _trained() -> Any:
    """Returns a SentencePiece model trained on next to nothing: T5's rules for Unicode come with every one."""
    from sentencepiece import SentencePieceTrainer, sentencepiece_model_pb2

    text, model = iter(["a b c d e f"] * 20), io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=text, model_writer=model, vocab_size=20, hard_vocab_limit=False, minloglevel=2
    )
    return sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())


def _as_of_4(path: Path) -> None:
    """Takes out of a tokenizer_config.json what transformers 5 writes and 4 does not know, or knows as another kind."""
    config: dict[str, Any] = json.loads(path.read_text())
    kept = {name: value for name, value in config.items() if name not in ("backend", "extra_special_tokens")}
    path.write_text(json.dumps(kept))


def _prefix_names(folder: Path) -> None:
    """Names the tensors of a CLIP text encoder as before transformers 5."""
    from safetensors.torch import load_file, save_file

    for path in folder.glob("*.safetensors"):
        tensors = load_file(path)
        named = {name if name.startswith(PREFIX) else PREFIX + name: tensor for name, tensor in tensors.items()}
        save_file(named, path, metadata={"format": "pt"})
