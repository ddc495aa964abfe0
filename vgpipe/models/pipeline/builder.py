"""Puts stock pipelines of one checkpoint together from the components that a stage needs.

`ConfigOnlyComponent` replaces the others: it knows their config and holds no weights.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.base import Components, Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.checkpoint.config_limits import refuse_extremes
from vgpipe.models.checkpoint.installed_classes import class_of
from vgpipe.models.pipeline import scheduler_classes
from vgpipe.models.pipeline.config_only import ConfigOnlyComponent
from vgpipe.models.pipeline.stock_calls import pipeline_class_of

SCHEDULER, SCHEDULER_FILE = "scheduler", "scheduler_config.json"


class PipelineBuilder:
    """Makes pipelines and schedulers of a checkpoint.

    Attributes:
        checkpoint: the model's files.
        settings: how they are loaded and called.
    """

    def __init__(self, checkpoint: Checkpoint, settings: Settings):
        self.checkpoint = checkpoint
        self.settings = settings
        self._config_only_components: dict[str, ConfigOnlyComponent] = {}

    def scheduler(self) -> Any:
        """Returns a fresh diffusers scheduler."""
        if self.settings.scheduler is None:
            found = self.checkpoint.component_class(SCHEDULER)
        else:
            self.check_scheduler()
            found = class_of("diffusers", self.settings.scheduler)
            missing = getattr(
                found, "_backends", ()
            )  # what diffusers exports in place of a class that it cannot import
            if missing:
                needs = f"model.scheduler.name: {self.settings.scheduler} needs packages that are not installed"
                raise ModelError(f"{needs} -> pip install {' '.join(one for one in missing if one != 'torch')}")
        config = self.scheduler_config
        refuse_extremes(config, "model.scheduler.config", SCHEDULER_FILE)
        return found.from_config(config)

    def check_scheduler(self) -> None:
        """Checks, without importing anything heavy, that the scheduler that the settings name is one.

        Raises:
            ConfigError: listing those that fit the checkpoint.
        """
        if self.settings.scheduler is not None:
            own = str(self.checkpoint.index[SCHEDULER][1])
            scheduler_classes.refuse_unknown(self.settings.scheduler, own, self.scheduler_config)

    @property
    def scheduler_name(self) -> str:
        """The scheduler's class in diffusers."""
        return self.settings.scheduler or str(self.checkpoint.index[SCHEDULER][1])

    @property
    def scheduler_config(self) -> dict[str, Any]:
        """The checkpoint's config of it, with the settings laid over."""
        return {**self.checkpoint.config(SCHEDULER), **self.settings.scheduler_config}

    @property
    def scheduler_facts(self) -> list[Any]:
        """The scheduler's class and config as plain values; infinities, which no digest takes, as text."""
        config = self.scheduler_config.items()
        plain = {name: str(one) if isinstance(one, float) and not math.isfinite(one) else one for name, one in config}
        return [self.scheduler_name, plain]

    def build(self, class_name: str, components: Components, *, config_only: Collection[str] = ()) -> Any:
        """Builds the stock pipeline: loaded components, placeholders for those in `config_only`, None for the others.

        Args:
            class_name: in diffusers.
            components: loaded components by name.
            config_only: components of which the pipeline reads config, dtype or sizes but runs nothing.
        """
        pipeline_class = pipeline_class_of(class_name)
        given: dict[str, Any] = {}
        for name, parameter in list(inspect.signature(pipeline_class.__init__).parameters.items())[1:]:
            in_index = self.checkpoint.index.get(name)
            if name in components:
                given[name] = components[name]
            elif name in config_only and name in self.checkpoint.component_names:
                given[name] = self.config_only_component(name)
            elif in_index is not None and not isinstance(in_index, list):
                given[name] = in_index
            elif parameter.default is inspect.Parameter.empty:
                given[name] = None
        pipeline = pipeline_class(**given)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def config_only_component(self, component: str) -> ConfigOnlyComponent:
        """Returns the placeholder of a component that a stage does not load."""
        if component not in self._config_only_components:
            dtype = self.settings.dtype_of(component)
            self._config_only_components[component] = ConfigOnlyComponent(self.checkpoint, component, dtype)
        return self._config_only_components[component]

    def present(self, components: tuple[str, ...]) -> tuple[str, ...]:
        """Returns those of some components that the checkpoint has."""
        return tuple(component for component in components if component in self.checkpoint.component_names)

    def call_index(self) -> dict[str, Any]:
        """Returns what the checkpoint's index says beside its components."""
        plain = {name: value for name, value in self.checkpoint.index.items() if not isinstance(value, list)}
        return {name: value for name, value in plain.items() if not name.startswith("_")}
