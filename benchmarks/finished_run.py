"""Makes a finished run of many clips without rendering them: each has its own keys, and all share the same tiny files.

    python benchmarks/finished_run.py FOLDER [--clips 10000]

Renders one clip in FOLDER, puts hard links of its files into the store under the keys of all clips of `many.yaml`, and
runs that job, which finds everything finished. Then `many.yaml`, the store and the run lie in FOLDER, for
`resume run` or the same job again. Nothing is flushed to the disk, so a power cut leaves rubbish there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import yaml

from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.clips.requested import exporters_of, request
from vgpipe.config.schema import Config
from vgpipe.config.validate import validate_config
from vgpipe.fallback.loading_ladder import LoadingLadder
from vgpipe.store import artifacts
from vgpipe.store.artifacts import Artifact, Store

COLOURS, SHAPES = ("red", "green", "yellow", "cyan"), ("circle", "square", "triangle")
SEEDS = 4
ONE, MANY, RUN = "one.yaml", "many.yaml", "run"


def make_finished_run(folder: Path, clips: int) -> None:
    """Makes the finished run `folder/run` of the job `folder/many.yaml`; `folder` becomes the working directory."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    Path(ONE).write_text(job_text(1, 1), "utf-8")
    Path(MANY).write_text(job_text(-(-clips // SEEDS), SEEDS), "utf-8")
    vgpipe(f"job={ONE}", "quality=quick", "hydra.run.dir=one")
    config = validate_config(yaml.safe_load(Path("one/config.yaml").read_text("utf-8")))
    fill_store(config)
    vgpipe(f"job={MANY}", "quality=quick", f"hydra.run.dir={RUN}")


def job_text(prompts: int, seeds: int) -> str:
    """Returns a job of that many different prompts, each with that many seeds."""
    texts = (f"a {COLOURS[n % 4]} {SHAPES[n % 3]} moving left, number {n}" for n in range(prompts))
    return "prompts:\n" + "".join(f"  - {{prompt: '{text}', seeds: {[*range(seeds)]}}}\n" for text in texts)


def vgpipe(*arguments: str) -> None:
    """Runs a job with this interpreter."""
    subprocess.run([sys.executable, "-m", "vgpipe", *arguments], check=True, stdout=subprocess.DEVNULL)


def fill_store(config: Config) -> None:
    """Stores the files of the only finished clip for every clip of the large job."""
    keys = ArtifactKeys(LoadingLadder(config).first().keys, exporters_of(config))
    store = Store(Path(config.store.dir))
    (only,) = request(config).clips
    finished = [store.find(key) for key in keys.of_clip(only)[0].exports]
    artifacts.flush_file = artifacts.flush_folder = lambda path: None
    versions = artifacts.installed_versions()
    artifacts.installed_versions = lambda: versions
    for clip in request(replace(config, job=MANY)).clips:
        for key, artifact in zip(keys.of_clip(clip)[0].exports, finished, strict=True):
            if store.find(key) is None and artifact is not None:
                with store.create(key) as draft:
                    draft.info.update(artifact.info)
                    link_files(artifact, draft.folder)


def link_files(artifact: Artifact, folder: Path) -> None:
    """Hard-links the files of an artifact, or copies them where a file has too many links."""
    for name in artifact.files:
        try:
            os.link(artifact.path(name), folder / name)
        except OSError:
            (folder / name).write_bytes(artifact.path(name).read_bytes())


def main() -> None:
    """Makes the run that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=10_000)
    given = parser.parse_args()
    make_finished_run(given.folder, given.clips)


if __name__ == "__main__":
    main()
