"""Which classes a checkpoint may name for each of its components; imports no model library.

`from_pretrained` of some classes imports code that the folder brings with it (pipelines, and the `Auto` classes), so a
checkpoint chooses from this table and not from everything that the libraries export.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.bounded_json import read_json

LIBRARIES = ("diffusers", "transformers")
MODEL, SCHEDULER, GUIDER = "diffusers.models", "diffusers.schedulers", "diffusers.guiders"
OF_PIPELINES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "ltx2": {
        "connectors": frozenset({"LTX2TextConnectors"}),
        "latent_upsampler": frozenset({"LTX2LatentUpsamplerModel"}),
        "vocoder": frozenset({"LTX2Vocoder", "LTX2VocoderWithBWE"}),
    },
}
"""Library in an index that means `diffusers.pipelines.<library>` -> component -> the classes it may be."""
PARTS = ("stable_diffusion",)  # of the safety checker that most image checkpoints name, which is never loaded
SHOWN = 10


def _with(suffixes: tuple[str, ...], *names: str) -> frozenset[str]:
    return frozenset(name + suffix for name in names for suffix in suffixes)


TOKENIZERS = _with(
    ("Tokenizer", "TokenizerFast"), "Bert", "ByT5", "CLIP", "Gemma", "GPT2", "Llama", "MT5", "Qwen2", "Qwen3_5",
    "Roberta", "Siglip", "Siglip2", "T5", "XLMRoberta",
) | {"PreTrainedTokenizerFast", "TokenizersBackend"}  # fmt: skip
PROCESSORS = _with(
    ("Processor",), "CLIP", "Gemma3", "Gemma4", "Gemma4Unified", "Llava", "Pixtral", "Qwen2VL", "Qwen2_5_VL", "Qwen3VL",
    "Siglip", "Siglip2",
)  # fmt: skip
IMAGE_PROCESSORS = _with(
    ("ImageProcessor", "ImageProcessorFast", "ImageProcessorPil"), "Bit", "CLIP", "Gemma3", "Llava", "Pixtral",
    "Qwen2VL", "Siglip", "Siglip2",
) | {"CLIPFeatureExtractor"}  # fmt: skip
TEXT_ENCODERS = frozenset({
    "BertModel", "CLIPTextModel", "CLIPTextModelWithProjection", "Gemma2ForCausalLM", "Gemma2Model",
    "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration", "Gemma3Model", "Gemma3TextModel", "Gemma4ForCausalLM",
    "Gemma4ForConditionalGeneration", "Gemma4Model", "Gemma4TextModel", "Gemma4UnifiedForConditionalGeneration",
    "GemmaForCausalLM", "GemmaModel", "LlamaForCausalLM", "LlamaModel", "LlavaForConditionalGeneration", "LlavaModel",
    "MT5EncoderModel", "Mistral3ForConditionalGeneration", "Mistral3Model", "MistralForCausalLM", "MistralModel",
    "Qwen2ForCausalLM", "Qwen2Model", "Qwen2VLForConditionalGeneration", "Qwen2VLModel",
    "Qwen2_5_VLForConditionalGeneration", "Qwen2_5_VLModel", "Qwen2_5_VLTextModel", "Qwen3ForCausalLM", "Qwen3Model",
    "Qwen3VLForConditionalGeneration", "Qwen3VLModel", "Qwen3VLTextModel", "RobertaModel", "SiglipTextModel",
    "SmolLM3ForCausalLM", "SmolLM3Model", "T5EncoderModel", "T5Gemma2Encoder", "UMT5EncoderModel", "XLMRobertaModel",
})  # fmt: skip
IMAGE_ENCODERS = frozenset({
    "CLIPVisionModel", "CLIPVisionModelWithProjection", "Dinov2Model", "Siglip2VisionModel", "SiglipVisionModel",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """What may stand for one kind of component.

    Attributes:
        called: in messages.
        prefixes: how the names of such components begin.
        transformers: its classes of transformers.
        diffusers: what the names of its classes of diffusers look like; None where it has none.
        home: the part of diffusers that these are made in.
    """

    called: str
    prefixes: tuple[str, ...]
    transformers: frozenset[str] = frozenset()
    diffusers: re.Pattern[str] | None = None
    home: str = MODEL

    def allows(self, library: str, name: str) -> bool:
        """Returns whether the table has a class, by name alone."""
        if library == "transformers":
            return name in self.transformers
        return library == "diffusers" and self.diffusers is not None and bool(self.diffusers.fullmatch(name))

    def choices(self) -> str:
        """Returns the classes that a message lists."""
        if self.transformers:
            few = sorted(self.transformers)[:SHOWN]
            more = len(self.transformers) - len(few)
            return ", ".join(few) + (f" and {more} more (docs/loading.md)" if more else "")
        return f"a class of {self.home} in the installed diffusers"


# Neither a pipeline nor an `Auto` class; those that are no model at all are refused once they are imported.
ANY_MODEL = re.compile(r"(?!Auto(?!encoder)|\w*Pipeline)[A-Z]\w*")
KINDS = (
    Kind("tokenizer", ("tokenizer", "text_tokenizer"), TOKENIZERS | PROCESSORS),
    Kind("text encoder", ("text_encoder", "prompt_enhancer"), TEXT_ENCODERS),
    Kind("image encoder", ("image_encoder",), IMAGE_ENCODERS),
    Kind("processor", ("feature_extractor", "image_processor", "processor"), IMAGE_PROCESSORS | PROCESSORS),
    Kind("scheduler", ("scheduler", "audio_scheduler"), diffusers=re.compile(r"[A-Z]\w*Scheduler"), home=SCHEDULER),
    Kind("guider", ("guider",), diffusers=re.compile(r"[A-Z]\w*Guidance"), home=GUIDER),
    Kind("VAE", ("vae", "audio_vae"), diffusers=re.compile(r"\w*(Autoencoder|VAE|VQModel)\w*")),
    Kind("transformer", ("transformer",), diffusers=re.compile(r"[A-Z]\w*Transformer\w*")),
    Kind("judge", ("judge",), frozenset({"CLIPModel"})),
    Kind("U-Net", ("unet",), diffusers=re.compile(r"[A-Z]\w*UNet\w*|UNet\w*")),
)
OTHER = Kind("model", (), TEXT_ENCODERS | IMAGE_ENCODERS, ANY_MODEL)

AUTO = re.compile(r"Auto(?!encoder|Guidance)\w*")
TOKENIZER_FILE, IMAGE_FILE = "tokenizer_config.json", "preprocessor_config.json"
OF_DIFFUSERS = (("Auto", (("config.json", "_class_name"),)),)
OF_TRANSFORMERS = (
    ("Tokenizer", ((TOKENIZER_FILE, "tokenizer_class"),)),
    ("ImageProcessor", ((IMAGE_FILE, "image_processor_type"), (IMAGE_FILE, "feature_extractor_type"))),
    ("Extractor", ((IMAGE_FILE, "feature_extractor_type"), (IMAGE_FILE, "image_processor_type"))),
    ("Processor", (("processor_config.json", "processor_class"), (TOKENIZER_FILE, "processor_class"))),
    ("Auto", (("config.json", "architectures"),)),
)
"""Part of an `Auto` class's name -> the files and keys that name the class it takes, the first one there counts."""


def kind_of(component: str) -> Kind:
    """Returns what kind of component a name in model_index.json stands for."""
    return next((kind for kind in KINDS if component.startswith(kind.prefixes)), OTHER)


def is_loadable(library: object) -> bool:
    """Returns whether some class of an index's library may be loaded."""
    return isinstance(library, str) and (library in LIBRARIES or library in OF_PIPELINES)


def pipeline_of(component: str, name: str) -> str | None:
    """Returns the library in an index whose class of that name a component may be; None for one of diffusers itself."""
    return next((library for library, known in OF_PIPELINES.items() if name in known.get(component, ())), None)


def module_of(library: str) -> str:
    """Returns the Python module that an index's library means."""
    return f"diffusers.pipelines.{library}" if library in OF_PIPELINES else library


def allowed_class(component: str, library: str, name: str, place: Path, where: str) -> str:
    """Returns the name of the class that a component is loaded with.

    Args:
        component: its name in model_index.json.
        library: of its class there.
        name: of its class there; an `Auto` class makes way for the one that the component's own files name.
        place: the component's folder.
        where: the model_index.json, for messages.

    Raises:
        ModelError: where the table has no such class for this kind of component.
    """
    if library in OF_PIPELINES:
        if name in OF_PIPELINES[library].get(component, ()):
            return name
        raise _not_allowed(component, f"{library}.{name}", where)
    chosen = (AUTO.fullmatch(name) and _named_by_config(library, name, place)) or name
    if not kind_of(component).allows(library, chosen):
        raise _not_allowed(component, f"{library}.{chosen}", where)
    return chosen


def tokenizer_of(name: str, place: Path) -> str:
    """Returns the class that reads the texts of a folder with a tokenizer, or with a processor of texts and images.

    Args:
        name: of the class that the folder is saved by, which `allowed_class` returned.
        place: the folder.

    Raises:
        ModelError: where a processor's folder names no tokenizer of the table.
    """
    if name not in PROCESSORS:
        return name
    own = _named_by_config("transformers", "AutoTokenizer", place)
    if own not in TOKENIZERS:
        remedy = f"copy or download it again; its {TOKENIZER_FILE} says what"
        raise ModelError(f"{place}: {name} needs a tokenizer, and none is named there that is loaded -> {remedy}")
    fast = f"{own.removesuffix('Fast')}Fast"
    return fast if fast in TOKENIZERS and (place / "tokenizer.json").is_file() else own


def require_made_as(component: str, found: type, where: str) -> None:
    """Refuses a class that is not what its name promises; pipelines and `Auto` classes are not.

    Args:
        component: its name in model_index.json.
        found: the imported class, whose name `allowed_class` returned.
        where: the model_index.json, for messages.

    Raises:
        ModelError: naming the class.
    """
    kind = kind_of(component)
    if not found.__module__.startswith("diffusers."):
        return  # listed by its full name
    import diffusers

    if kind.home == GUIDER:
        is_made = found.__module__.startswith(f"{GUIDER}.")
    else:
        is_made = issubclass(found, diffusers.SchedulerMixin if kind.home == SCHEDULER else diffusers.ModelMixin)
    if not is_made:
        raise _not_allowed(component, f"diffusers.{found.__name__}", where)


def _not_allowed(component: str, name: str, where: str) -> ModelError:
    kind = kind_of(component)
    return ModelError(
        f"{where}: {component} is {name[:80]}, which is not loaded as a {kind.called} -> choose another checkpoint; "
        f"a {kind.called} is one of: {kind.choices()}"
    )


def _named_by_config(library: str, auto: str, place: Path) -> str | None:
    """Returns the class that an `Auto` class would take, as the component's own files name it; None where none does."""
    known = OF_DIFFUSERS if library == "diffusers" else OF_TRANSFORMERS
    keys = next((keys for part, keys in known if part in auto), ())
    for file, key in ((file, key) for file, key in keys if (place / file).is_file()):
        value = read_json(place / file).get(key)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, str):
            return value
    return None


def is_part_of_diffusers(library: str) -> bool:
    """Returns whether an index's library is a pipeline of the installed diffusers, which saved its own component so.

    Anything else is a module that a checkpoint brings with it.
    """
    if library in PARTS:
        return True
    spec = importlib.util.find_spec("diffusers") if library.isidentifier() else None
    return any(Path(place, "pipelines", library).is_dir() for place in (spec and spec.submodule_search_locations) or ())
