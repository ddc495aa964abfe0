"""Every override that a message tells to type is typed back: through a POSIX shell's words, Hydra and the schema."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest

from vgpipe.config.load import load
from vgpipe.errors import UsageError
from vgpipe.job.reading.parse import find_job, read_job
from vgpipe.job.resolving.expand import expand
from vgpipe.job.rules import ShapeRules

PACKAGE = Path(__file__).parents[1] / "vgpipe"
GROUPS = "job|job_columns|clip|run|model|memory|hardware|quality|checks|exporter|executor|store|pick|also|defaults_from"
START = re.compile(rf"(?<![\w./'\"={{\[+~])'?[+~]*(?:{GROUPS})(?:\.\w+)*=")
BAD_OVERRIDES = [
    "model.loras=[/x.safetensors]",
    "model.loras=/x.safetensors",
    "model.loras={id: /x}",
    "model.loras=[{id: /x, strength: 0.8}]",
    "model.loras=[{weight: 0.5}]",
    "model.loras=[{id: /x, weight: 20}, /y]",
    'model.loras=[{"id": "/x y"}]',
    "model.loras=[{id: ~/x.safetensors}]",
    "model.loras.0.weight=3",
    "model.components=/x",
    "model.components.vae={file: x}",
    "model.components.transformer=/w/x.gguf",
    "model.components.transformer={id: /w/x.gguf}",
    "model.components={vae: {id: x.gguf}}",
    "model.fallback=shapes",
    "model.safe_dtypes=bfloat16",
    "model.safe_dtypes=[]",
    "model.pipeline_kwargs=3",
    "model.component_dtypes=float32",
    "model.scheduler=euler",
    "model.rules.continuations=image",
    "model.reference.width=wide",
    "model.max_sequence_length=9999",
    "memory.weights=fp8",
    "memory.weights=[fp8]",
    "memory.weights={vae: int3}",
    "memory.vae_tile_size=65",
    "memory.strategy=offload",
    "exporter.crf=99",
    "exporter.crff=9",
    "exporter=mp3",
    "also=3",
    "pick=hero",
    "pick=[hero]",
    "run=8h",
    "run.sheet=maybe",
    "run.budget=soon",
    "run.until=25",
    "run.degrade=anyy",
    "run.objective=speed",
    "store=/x",
    "store.dir=[x]",
    "clip=3",
    "clip.seed=abc",
    "clip.seed=-1",
    "clip.seed=1.23457E+14",
    "clip.width=64.5",
    "clip.guidance_scale=4.5.5",
    "clip.num_inference_steps=0",
    "clip.continuation=loop",
    "clip.fps=[8]",
    "clip.prompt=a cat's paw & a dog's tail",
    "clip.prompt=a, b",
    "clip.prompt=a ${x} b",
    "clip.prompt=a ${x y}",
    "clip.prompt=${foo:y} it's",
    "clip.prompt=[red] a cat (big)",
    'clip.prompt="a "big" cat"',
    "clip.prompt=" + "(a ${b} \\ 'c' \"d\" $e `f` !g; " * 9,
    "clip.promt=x",
    "job.columns=prompt",
    "job.columns=[prompt]",
    "job.columns={a: 3}",
    "a b=3",
    "nothing",
]
BAD_JOBS = {
    "a.csv": "prompt,sampler,Batch Size (n),guidence_scale\nx,euler,2,3\n",
    "b.csv": "text,Long Caption,seed\nx,y,1e14\n",
    "c.csv": "title\nx\n",
    "a.txt": "a {x} cat, <lora:in k's:0.8>\na cat --foo --w 64\n",
    "a.yaml": "prompts:\n- {prompt: x, model: y, width: 60}\n- {prompt: y, image: gone.png}\n",
}


def words_in(text: str) -> Iterator[str]:
    """Yields the overrides in a message, as a shell would read them where they are pasted."""
    for match in START.finditer(text):
        lexer = shlex.shlex(text[match.start() :], posix=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        yield str(lexer.get_token()).rstrip(",;:?")


def messages(raising) -> list[str]:
    with pytest.raises(UsageError) as caught:
        raising()
    return [fault.remedy for fault in caught.value.faults] or [str(caught.value)]


def overlap(first: str, second: str) -> bool:
    return f"{first}.".startswith(f"{second}.") or f"{second}.".startswith(f"{first}.")


def batches(overrides: Iterable[str]) -> list[list[str]]:
    """Returns overrides in groups of which none sets a key twice: composing takes most of the time of this test."""
    found: list[dict[str, str]] = []
    for override in dict.fromkeys(overrides):
        key = override.partition("=")[0].lstrip("+~")
        group = next((one for one in found if not any(map(partial(overlap, key), one))), None)
        if group is None:
            found.append(group := {})
        group[key] = override
    return [list(group.values()) for group in found]


def check(remedies: Iterable[str]) -> int:
    words = [word for remedy in remedies for word in words_in(remedy)]
    for group in batches(words):
        load(group)
    return len(words)


def test_remedies_of_the_command_line_are_accepted():
    found = [remedy for group in batches(BAD_OVERRIDES) for remedy in messages(lambda group=group: load(group))]
    assert check(found) >= 45


def test_a_prompt_that_is_not_quoted_is_given_back_whole():
    for prompt in ("a cat's paw & a dog's tail", "(a) 'b' \"c\" & $d `e` \\", "x, " * 100 + "(y) & z's"):
        (remedy,) = messages(lambda prompt=prompt: load([f"clip.prompt={prompt}"]))
        (word,) = words_in(remedy)
        assert load([word]).clip.prompt == prompt


def test_remedies_of_jobs_are_accepted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rules, found = ShapeRules(), 0
    for name, text in BAD_JOBS.items():
        (tmp_path / name).write_text(text)
        found += check(messages(lambda name=name: read_job(tmp_path / name, rules=rules)))
    found += check(messages(lambda: expand(None, overrides={}, preset={}, reference={}, rules=rules, model="shapes")))
    (tmp_path / "my job's.yaml").write_text("x")
    found += check(messages(lambda: find_job("my jobs.yaml", tmp_path)))
    assert found >= 12


def literals(source: str) -> Iterator[str]:
    """Yields the texts of a module that are complete as they stand: no docstrings, nothing with places."""
    tree = ast.parse(source)
    parts = {value for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
    documented = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts | documented:
            yield node.value


def test_fixed_remedies_in_the_package_are_accepted():
    usage = {"commands", "doctor"}
    modules = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in usage]
    texts = [text for path in modules for text in literals(path.read_text("utf-8"))]
    words = {word for text in texts for word in words_in(text) if word.partition("=")[2] not in ("", "%s")}
    for group in batches(sorted(words)):
        # A setting of Ray's is only ever advised where Ray was chosen.
        is_of_ray = any(word.startswith("executor.allow") for word in group) and "executor=ray" not in group
        load(["executor=ray", *group] if is_of_ray else group)
    assert len(words) >= 15


def test_no_remedy_has_a_place_that_a_shell_redirects():
    texts = [path.read_text("utf-8") for path in PACKAGE.rglob("*.py")]
    assert [found for text in texts for found in re.findall(r"-> [^\n]*=<\w[^\n]*", text)] == []
