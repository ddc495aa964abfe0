"""A checkpoint in diffusers layout: what it holds, whether it is whole, and what names its bits. Loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgpipe.errors import LoadError, ModelError
from vgpipe.hub.files import WEIGHT_SUFFIXES
from vgpipe.hub.repo import HubRepo, variants_of, weight_files
from vgpipe.models.checkpoint.allowed_classes import (
    LIBRARIES,
    allowed_class,
    is_loadable,
    module_of,
    pipeline_of,
    require_made_as,
)
from vgpipe.models.checkpoint.bounded_json import read_json
from vgpipe.models.checkpoint.file_parts import Part, part_for
from vgpipe.models.checkpoint.installed_classes import class_of
from vgpipe.models.checkpoint.layouts import refuse_gguf, refuse_layout
from vgpipe.models.checkpoint.misplaced import explain, refuse_component
from vgpipe.models.checkpoint.modular_index import MODULAR_FILE, is_driven, read_modular_index
from vgpipe.models.checkpoint.safetensors_files import TensorFacts, check_complete, tensors_in
from vgpipe.models.checkpoint.single_file import GGUF, SAFETENSORS, components_in, header_of, refuse_other_model
from vgpipe.models.checkpoint.tensor_names import scaled_weights
from vgpipe.models.checkpoint.vetting import INDEX_FILE, SHARDS, vet_component, vet_index
from vgpipe.store.digest import digest_of
from vgpipe.store.file_hashes import FileHashes, fingerprint

TEXT_SUFFIXES = (".json", ".txt", ".model", ".jinja")
CLASS_FILES = ("config.json", "preprocessor_config.json")
CONFIG_NAMES = (
    "config.json", "scheduler_config.json", "guider_config.json", "preprocessor_config.json", "processor_config.json",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """Where the files of one component lie.

    Attributes:
        folder: a checkpoint's folder, or a snapshot in the hub cache.
        prefix: the component's folder in it; "" for the folder itself.
        repo: the hub repo it is a snapshot of; None for a folder of the user's.
        file: the single file that holds the weights (safetensors or GGUF), relative to `folder`; None for a folder of
            them.
    """

    folder: Path
    prefix: str
    repo: HubRepo | None = None
    file: str | None = None

    @property
    def place(self) -> Path:
        """The component's own folder."""
        return self.folder / self.prefix if self.prefix else self.folder

    def listing(self) -> dict[str, int]:
        """Returns file -> bytes, named from `folder`, whether downloaded yet or not."""
        if self.repo is not None and self.repo.files is not None:
            return dict(self.repo.files)
        if not self.place.is_dir():
            return {}
        files = [path for path in self.place.iterdir() if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in files}


class Checkpoint:
    """One checkpoint. Reading its index and digests imports neither torch nor diffusers.

    Args:
        folder: holds model_index.json.
        repo: the hub repo that the folder is a snapshot of, if any.
        others: component -> where it is taken from instead.
        hashes: remembers the SHA-256 of large files.
        index: what model_index.json would say, where there is no such file to read.
        file: a weight file whose parts take the place of components that `others` does not have.

    Attributes:
        known_files: digest over a component's files, as `identity` gave it -> file -> its SHA-256.

    Raises:
        ModelError: on construction, where `folder` holds no readable model_index.json, or `file` is of another model.
    """

    def __init__(
        self,
        folder: Path,
        *,
        repo: HubRepo | None = None,
        others: Mapping[str, Source] | None = None,
        hashes: FileHashes | None = None,
        index: Mapping[str, Any] | None = None,
        file: Path | None = None,
    ):
        self.folder = folder
        self.repo = repo
        self.index = _read_index(folder, repo) if index is None else dict(index)
        self._others = dict(others or {})
        self._hashes = hashes or FileHashes(None)
        self.known_files: dict[str, Mapping[str, str]] = {}
        self._marks: dict[Path, str] = {}
        self._vetted: dict[str, frozenset[str]] = {}
        self._headers: dict[Path, dict[str, TensorFacts]] = {}
        for component, source in self._others.items():
            if source.repo is None:
                known = self.component_names
                refuse_component(component, source.place, is_single_file=bool(source.file), known=known)
            if source.file is None and not (self.index.get(component) or [None])[0]:
                self.index[component] = [_library_of(source, component), _class_in(source)]
        if file is not None:
            taken = components_in(file, self.index, self.name)
            self._others = {**{one: Source(file.parent, "", None, file.name) for one in taken}, **self._others}

    @property
    def name(self) -> str:
        """What a user calls it: its repo or its folder."""
        return self.repo.repo_id if self.repo else str(self.folder)

    @property
    def _index_name(self) -> str:
        return f"{self.name}/{INDEX_FILE}"

    @property
    def component_names(self) -> tuple[str, ...]:
        """The components that this checkpoint really has, sorted."""
        return tuple(
            sorted(
                name
                for name, entry in self.index.items()
                if isinstance(entry, list) and len(entry) == 2 and entry[0] is not None
            )
        )

    def source(self, component: str) -> Source:
        """Returns where a component's files lie."""
        return self._others.get(component, Source(self.folder, component, self.repo))

    def _settings_of(self, component: str) -> Source:
        """Returns where a component's config lies: a single weight file has none beside it."""
        source = self.source(component)
        return Source(self.folder, component, self.repo) if source.file else source

    def config(self, component: str) -> dict[str, Any]:
        """Returns a component's config.

        Raises:
            ModelError: where its file is missing or damaged.
        """
        place = self._settings_of(component).place
        for name in CONFIG_NAMES:
            if (place / name).is_file():
                return read_json(place / name)
        raise ModelError(f"{place}: no config.json -> copy or download the checkpoint again")

    def component_class(self, component: str) -> Any:
        """Returns the class that loads a component; imports its library.

        Raises:
            ModelError: where it is of another library, or the installed one lacks the class or cannot import it.
        """
        library, name = self._class_entry(component)
        self.vet(component)
        found = class_of(module_of(library), name)
        if not isinstance(found, type):
            package = module_of(library).partition(".")[0]
            raise ModelError(
                f"{self._index_name}: {component} needs {library}.{name}, which the installed "
                f"{package} lacks -> pip install -U {package}"
            )
        require_made_as(component, found, self._index_name)
        return found

    def vet(self, component: str) -> None:
        """Refuses a component whose class or files could run code, lead outside the checkpoint or take the machine.

        Files are read once; those that a download has added since are read too.

        Raises:
            ModelError: naming the class or file.
        """
        self._class_entry(component)
        own = self._settings_of(component)
        names = self._own_files(own)
        present = frozenset(name for name in names if (own.folder / name).is_file())
        if self._vetted.get(component) != present:
            vet_component(own.folder, names, component, self.name)
            self._vetted[component] = present

    def class_name(self, component: str) -> str:
        """Returns the name of a component's class; imports nothing.

        Raises:
            ModelError: where it is of a library that nothing is loaded from.
        """
        return self._class_entry(component)[1]

    def _class_entry(self, component: str) -> tuple[str, str]:
        entry = self.index.get(component)
        library, name = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
        if not is_loadable(library) or not isinstance(library, str) or not isinstance(name, str):
            raise ModelError(
                f"{self._index_name}: {component} is of library {library!r}; "
                f"only {' and '.join(LIBRARIES)} classes are loaded -> choose another checkpoint"
            )
        return library, allowed_class(component, library, name, self._settings_of(component).place, self._index_name)

    def require(self, needed: Iterable[str], idle: Iterable[str] = (), *, variant: str | None = None) -> None:
        """Checks, without loading anything, that components are there and whole, and that no other is left unused.

        Args:
            needed: components that a family loads.
            idle: components that may be there and are not needed.
            variant: which weight files will be loaded.

        Raises:
            LoadError: where files of a component are missing or torn, naming them.
            ModelError: where it is not a checkpoint for this family.
        """
        for component in sorted(needed):
            if component not in self.component_names:
                raise ModelError(f"{self._index_name}: has no {component} -> choose another model.family")
            self._class_entry(component)
            try:
                self._check_present(component, variant)
            except ModelError as error:
                raise LoadError(str(error), component) from None  # other weight files may do
            self.vet(component)
        unused = sorted(set(self.component_names) - {*needed, *idle})
        if unused:
            raise ModelError(
                f"{self.name}: has {', '.join(unused)}, which this model.family does not drive -> choose another "
                "model.family, or model.family=generic"
            )

    def _check_present(self, component: str, variant: str | None) -> None:
        source = self.source(component)
        if source.repo is None and not source.place.is_dir():
            raise ModelError(f"{source.place}: the checkpoint lacks its {component} -> copy or download it again")
        names = self.files(component, variant)
        for name in names:
            path = source.folder / name
            if source.repo is not None and source.repo.files is not None:
                continue  # the download proves sizes and checksums, and mends what is torn
            if path.is_file():
                if path.suffix == ".safetensors":
                    check_complete(path, component)
                elif path.suffix == ".gguf":
                    header_of(path)
            elif source.repo is None:
                raise ModelError(f"{path}: the checkpoint lacks this file of its {component} -> download it again")
        self.refuse_layout(component, variant)

    def refuse_layout(self, component: str, variant: str | None) -> None:
        """Refuses weight files whose tensors are named or quantized in a way that loading does not read.

        Args:
            component: its name in model_index.json.
            variant: which weight files will be loaded; those of a repo that are not downloaded yet are not looked at.

        Raises:
            LoadError: naming the layout and what to do.
        """
        tensors, source = self._tensors(component, variant), self.source(component)
        _, name = self._class_entry(component)
        place = source.folder / source.file if source.file else source.place
        if tensors and "quantization_config" not in self.config(component):  # the library itself reads these
            refuse_layout(component, name, place, tensors, is_single_file=bool(source.file))
        if source.file and place.is_file() and place.suffix in (SAFETENSORS, GGUF):
            part = self.part(component)
            refuse_other_model(component, name, place, part, lambda: self.config(component))
            if place.suffix == GGUF:
                refuse_gguf(component, name, place)

    def part(self, component: str) -> Part:
        """Returns what of a component's single file, which is on the disk, is its own.

        Raises:
            ModelError: where the file cannot be read.
        """
        source = self.source(component)
        path = source.folder / (source.file or "")
        if path not in self._headers:
            self._headers[path] = header_of(path)
        return part_for(self.class_name(component), self._headers[path], component)

    def scales(self, component: str, variant: str | None = None) -> dict[str, str]:
        """Returns weight -> scale of those that are stored in 8 bits with one and that no library reads by itself."""
        tensors = self._tensors(component, variant)
        if not tensors or "quantization_config" in self.config(component):
            return {}
        return scaled_weights(tensors)

    def weight_paths(self, component: str, variant: str | None) -> list[Path]:
        """Returns the safetensors files of a component that are on the disk."""
        folder = self.source(component).folder
        paths = [folder / name for name in self.files(component, variant) if name.endswith(".safetensors")]
        return [path for path in paths if path.is_file()]

    def _tensors(self, component: str, variant: str | None) -> dict[str, TensorFacts]:
        paths = self.weight_paths(component, variant)
        if self.source(component).file and paths:
            return dict(self.part(component).tensors)
        return {name: one for path in paths for name, one in tensors_in(path).items()}

    def files(self, component: str, variant: str | None) -> list[str]:
        """Returns the files of a component that loading reads, weights of one variant only, named from its source.

        Raises:
            ModelError: where it has no weights that can be loaded.
        """
        source = self.source(component)
        if source.file:
            return [source.file]
        listing = source.listing()
        texts = [name for name in self._own_files(source) if name.endswith(TEXT_SUFFIXES) and not SHARDS.search(name)]
        weights = weight_files(source.repo or listing, source.prefix, variant, where=self.name)
        return sorted({*texts, *weights})

    @staticmethod
    def _own_files(source: Source) -> list[str]:
        start = f"{source.prefix}/" if source.prefix else ""
        return [name for name in source.listing() if name.startswith(start) and "/" not in name[len(start) :]]

    def has_weights(self, component: str, variant: str | None) -> bool:
        """Returns whether a component has weights; tokenizers and the like have none."""
        return any(name.endswith((".safetensors", ".gguf")) for name in self.files(component, variant))

    def is_gguf(self, component: str) -> bool:
        """Returns whether a component's weights are a GGUF file."""
        return (self.source(component).file or "").endswith(".gguf")

    def has_variant(self, component: str, variant: str) -> bool:
        """Returns whether a component has weight files of a variant."""
        return variant in self._variants(component)

    def is_only_in(self, component: str, variant: str) -> bool:
        """Returns whether a component has weight files of a variant and no plain ones."""
        return self._variants(component) == (variant,)

    def _variants(self, component: str) -> tuple[str, ...]:
        source = self.source(component)
        return variants_of(source.listing(), source.prefix)

    def identity(self, component: str, variant: str | None) -> list[Any]:
        """Returns what names a component's bits: its class, and repo and commit, or a digest over its files."""
        source = self.source(component)
        entry = [*self.index[component], self.config(component)] if source.file else self.index[component]
        if source.repo is not None:
            return [entry, source.repo.repo_id, source.repo.commit, source.prefix, source.file, variant]
        how = ["scales applied"] if self.scales(component, variant) else []  # once they were left out without a word
        names = self.files(component, variant)
        try:
            digests = {Path(name).name: self._hashed(source.folder / name) for name in names}
        except OSError as error:
            raise LoadError(f"{component} cannot be read: {error} -> check the disk", component) from error
        digest = digest_of(digests)
        self.known_files[digest] = digests
        return [entry, digest, *how]

    def _hashed(self, path: Path) -> str:
        self._marks[path] = fingerprint(path)
        return self._hashes.sha256(path)

    def check_unchanged(self, component: str, variant: str | None) -> None:
        """Checks, after loading, that a component's files are those that named its artifacts.

        Raises:
            LoadError: naming the file that has changed since.
        """
        source = self.source(component)
        for path in (source.folder / name for name in self.files(component, variant)):
            if path in self._marks and self._marks[path] != fingerprint(path):
                raise LoadError(f"{component}: {path} has changed since the run began -> run the same command again")

    def size_bytes(self, component: str, variant: str | None = None) -> int:
        """Returns the size of the files of a component that loading reads, downloaded or not."""
        source = self.source(component)
        listing = source.listing()
        return sum(
            listing[name] if name in listing else (source.folder / name).stat().st_size
            for name in self.files(component, variant)
        )

    def weight_bytes(self, component: str) -> int:
        """Returns the size of all weight files of a component, of every variant; 0 where none is known."""
        source = self.source(component)
        listing = source.listing()
        if source.file:
            return listing.get(source.file, 0)
        own = [name for name in self._own_files(source) if name.endswith(WEIGHT_SUFFIXES)]
        return sum(listing[name] for name in own)


def _library_of(source: Source, component: str) -> str:
    if "_class_name" not in read_json(_config_of(source)):
        return "transformers"
    return pipeline_of(component, _class_in(source)) or "diffusers"


def _class_in(source: Source) -> str:
    config = read_json(_config_of(source))
    names = (config.get("_class_name"), *(config.get("architectures") or ()), config.get("image_processor_type"))
    found = next((name for name in names if name is not None), None)
    if not isinstance(found, str):
        raise ModelError(f"{_config_of(source)}: names no class -> give a component that save_pretrained made")
    return found


def _config_of(source: Source) -> Path:
    """Returns the file that names the class of a component; one without any has none, which reading it tells."""
    places = [source.place / name for name in CLASS_FILES]
    return next((place for place in places if place.is_file()), places[0])


def _read_index(folder: Path, repo: HubRepo | None) -> dict[str, Any]:
    name, repo_id = (repo.repo_id, repo.repo_id) if repo else (str(folder), None)
    if (folder / INDEX_FILE).is_file():
        index = read_json(folder / INDEX_FILE)
        vet_index(index, folder, name, is_local=repo is None)
    elif is_driven(folder):
        index = read_modular_index(folder, name, repo_id)
        vet_index(index, folder, name, is_local=repo is None, file=MODULAR_FILE)
    else:
        raise ModelError(explain(folder, repo_id))
    return index
