"""A store with the artifacts of small runs, all of them days old."""

from __future__ import annotations

import os
import time
from pathlib import Path

from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key
from vgpipe.store.run_list import SINCE, note_run
from vgpipe.store.rundir import RunDir

DAY_S = 86_400
OLD_S = 3 * DAY_S
HELD = {"encode": 300, "denoise": 500, "decode": 4000, "tail": 200, "export": 900}


class Scene:
    """Runs below `root/outputs` that share a store, and what each clip has there."""

    def __init__(self, root: Path):
        self.outputs = root / "outputs"
        self.store = Store(self.outputs / ".store")
        self.keys: dict[str, dict[str, Key]] = {}

    def make(self, clip: str, *stages: str, age_s: float = OLD_S) -> dict[str, Key]:
        """Makes artifacts of a clip; returns the keys of all that it could have."""
        encode = Key("encode", {"text": clip})
        denoise = Key("denoise", {"prompt": encode.digest})
        preview = Key("preview", {"latents": denoise.digest})
        decode = Key("decode", {"latents": denoise.digest})
        keys = {
            "encode": encode,
            "denoise": denoise,
            "decode": decode,
            "preview": preview,
            "score": Key("score", {"preview": preview.digest}),
            "tail": Key("tail", {"frames": decode.digest}),
            "export": Key("export", {"frames": decode.digest}),
            "overflow": Key("overflow", {"frames": decode.digest}),
        }
        self.keys[clip] = keys
        for stage in stages:
            if stage == "checkpoint":
                path = self.store.root / "checkpoint" / denoise.digest[:2] / f"{denoise.digest}.safetensors"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"c" * 800)
                self.age(path, age_s)
                continue
            with self.store.create(keys[stage]) as draft:
                draft.path("data").write_bytes(b"x" * HELD.get(stage, 10))
            self.age(self.store.folder(keys[stage]), age_s)
        return keys

    def run(self, name: str, clips: dict[str, str], *, age_s: float = OLD_S, is_old_version: bool = False) -> RunDir:
        """Writes a run whose clips have these states, and places the files of those that are done."""
        run_dir = RunDir(self.outputs / name)
        run_dir.root.mkdir(parents=True, exist_ok=True)
        run_dir.write_config("{}\n")
        if not is_old_version:
            note_run(self.store.root, run_dir.root)
            (self.store.root / "runs" / SINCE).write_text(f"{time.time() - 100 * DAY_S:.0f}")
        for clip, state in clips.items():
            if state == "done":
                source = self.store.folder(self.keys[clip]["export"]) / "data"
                run_dir.place("mp4", clip, [source])
        run_dir.write_clips(self._record(clip, state, is_old_version) for clip, state in clips.items())
        for path in (run_dir.clips, run_dir.config):
            self.age(path, age_s)
        return run_dir

    def has(self, clip: str, *stages: str) -> list[bool]:
        """Says of each stage whether the store still has its artifact."""
        return [os.path.exists(self.path(clip, stage)) for stage in stages]

    def path(self, clip: str, stage: str) -> Path:
        """Returns where an artifact of a clip lies."""
        if stage == "checkpoint":
            digest = self.keys[clip]["denoise"].digest
            return self.store.root / "checkpoint" / digest[:2] / f"{digest}.safetensors"
        return self.store.folder(self.keys[clip][stage])

    def _record(self, clip: str, state: str, is_old_version: bool) -> dict[str, object]:
        keys = {stage: key.digest for stage, key in self.keys[clip].items()}
        artifacts: dict[str, object] = {
            "prompt_embeds": keys["encode"],
            "latents": keys["denoise"],
            "exports": [keys["export"]],
        }
        if not is_old_version:
            artifacts |= {"texts": [keys["encode"]], "frames": [keys["decode"]], "tails": [keys["tail"]]}
        if state == "drafted":
            artifacts["preview"] = keys["preview"]
        return {"clip": clip, "state": state, "artifacts": artifacts}

    @staticmethod
    def age(path: Path, age_s: float) -> None:
        """Makes a file or a folder look as old as this."""
        then = time.time() - age_s
        os.utime(path, (then, then))
