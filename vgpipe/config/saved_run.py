"""Reads what Hydra saved beside a run, for `--experimental-rerun`. From YAML: a pickle could run anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from vgpipe.config.composer import hydra_faults
from vgpipe.config.resolvers import register_resolvers
from vgpipe.config.user_defaults import own_setting
from vgpipe.errors import UsageError

SUBDIR, ON_END = ".hydra", "run.on_end"


def saved_config(path: Path) -> DictConfig:
    """Returns the root config of a run as it was composed then, with the `hydra` node.

    Args:
        path: the run's directory, its `.hydra`, or a file in there (Hydra's own documentation names config.pickle).

    Raises:
        UsageError: where nothing was saved there.
    """
    folder = next((one for one in (path / SUBDIR, path, path.parent) if (one / "hydra.yaml").is_file()), None)
    if folder is None or not (folder / "config.yaml").is_file():
        raise UsageError(f"--experimental-rerun: {path} is no run with {SUBDIR}/ in it -> give a run's directory")
    register_resolvers()
    composed: Any = OmegaConf.create({"hydra": HydraConf})
    with hydra_faults(), open_dict(composed.hydra):  # a config may add to Hydra's own keys
        composed.merge_with(OmegaConf.load(folder / "hydra.yaml"), OmegaConf.load(folder / "config.yaml"))
        composed.hydra.mode, composed.hydra.run.dir = RunMode.RUN, str(folder.parent.absolute())
    if OmegaConf.select(composed, ON_END) is not None:  # a command in a folder that may be a stranger's is not run
        OmegaConf.update(composed, ON_END, own_setting("run", "on_end"))
    return composed
