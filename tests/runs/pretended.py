"""Runs that look rendered: their records, their inputs and their artifacts are there, and nothing was computed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import yaml

from vgpipe.clips.clip_record import record_of
from vgpipe.clips.requested import request
from vgpipe.config.schema import Config
from vgpipe.runs import run_record
from vgpipe.runs.attempts import Attempts
from vgpipe.stages.checkpoints import path_of
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key
from vgpipe.store.plain_yaml import read_yaml
from vgpipe.store.rundir import RunDir


def pretend_run(config: Config, root: Path, states: Mapping[str, str] | None = None) -> RunDir:
    """Makes the directory of a run, and what its clips would leave in the store.

    Args:
        config: of the run.
        root: its directory.
        states: beginning of a clip's id -> its state, where that is not `done`: such a clip has no artifacts.
    """
    run_dir, store, states_of = RunDir(root), Store(Path(config.store.dir)), Attempts(config).states
    root.mkdir(parents=True)
    asked = states_of.asked(request(config).clips)
    text = yaml.safe_dump(asdict(config), sort_keys=False, allow_unicode=True)
    run_dir.write_config(text)
    run_record.write(run_dir, read_yaml(text), [state.id for state in asked])
    run_dir.write_inputs(states_of.inputs(asked))
    records = []
    for state in asked:
        status = next((one for name, one in (states or {}).items() if state.id.startswith(name)), "done")
        records.append({**record_of(state), "state": status, "error": "decode: bad" if status == "failed" else None})
        if state.draft is not None and status == "done":
            records[-1]["state"] = "drafted"
        if status == "done":
            for keys in (one.keys for one in state.segments):
                for key in (*keys.texts, keys.denoised, *keys.exports):
                    _keep(store, key)
                if state.draft is not None:
                    _keep_checkpoint(path_of(store, keys.latents), state.draft)
    run_dir.write_clips(records)
    run_dir.append_event("run_started", clips=len(asked))
    run_dir.append_event("run_ended", reason="finished", done=len(asked))
    return run_dir


def _keep_checkpoint(path: Path, done_steps: int) -> None:
    """Writes the header of a checkpoint, which is all that is read of one that nobody continues from."""
    header = json.dumps({"__metadata__": {"facts": json.dumps({"done_steps": done_steps})}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(header).to_bytes(8, "little") + header)


def _keep(store: Store, key: Key) -> None:
    if store.find(key) is None:
        with store.create(key) as writer:
            writer.path("made").write_bytes(b"pretended")
            writer.info["seconds"] = 1.0
