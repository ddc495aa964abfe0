"""Ways in which a model folder may try to run its own code, read the disk or take the machine.

Each case changes a copy of a good checkpoint of Wan (`tests/tiny_checkpoints.py`). What it runs writes a canary file.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIB = 1 << 20
EVIL_MODEL = {"auto_map": {"AutoConfig": "evil.EvilConfig", "AutoModel": "evil.Evil"}, "model_type": "evil"}
CASES: dict[str, Callable[[Folder], None]] = {}
HARMLESS: set[str] = set()
"""Cases that a correct program may also render: what they hold is never looked at."""

SLOW = {"vae_with_a_list_of_blocks"}
"""Cases that are refused after some seconds: they build as much as any model has."""


@dataclass(frozen=True)
class Folder:
    """A copy of a good checkpoint.

    Attributes:
        path: the folder.
        canary: the file that its code writes.
    """

    path: Path
    canary: Path

    @property
    def code(self) -> str:
        """Python code that leaves the canary, with every name that a loader may ask for."""
        lines = [f"open({str(self.canary)!r}, 'a').write('ran')"]
        lines += [f"class {name}:\n    def __init__(self, *a, **k): pass" for name in ("Evil", "EvilConfig")]
        lines += ["    @classmethod\n    def from_pretrained(cls, *a, **k): return cls()"]
        return "\n".join(lines)

    def change(self, file: str, **changes: Any) -> None:
        """Changes keys of a JSON file; makes it where it is not there."""
        path = self.path / file
        content = json.loads(path.read_text()) if path.is_file() else {}
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({**content, **changes}))

    def write(self, file: str, content: str | bytes) -> None:
        """Writes a file."""
        path = self.path / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def weights(self, component: str) -> Path:
        """Returns the component's safetensors file."""
        return next((self.path / component).glob("*.safetensors"))

    def pickled(self) -> bytes:
        """Returns a pickle that leaves the canary when it is opened."""
        return pickle.dumps(_Runs(self.canary))

    def sharded(self, component: str, shard: Any, file: str = "diffusion_pytorch_model.safetensors.index.json") -> None:
        """Has an index name one file for all tensors."""
        self.change(f"{component}/{file}", metadata={"total_size": 1}, weight_map={"a": shard, "b": shard})


@dataclass
class _Runs:
    canary: Path

    def __reduce__(self) -> Any:
        return exec, (f"open({str(self.canary)!r}, 'a').write('ran')",)


def case(made: Callable[[Folder], None]) -> Callable[[Folder], None]:
    """Adds a case under its function's name."""
    CASES[made.__name__] = made
    return made


def harmless(made: Callable[[Folder], None]) -> Callable[[Folder], None]:
    """Adds a case that may also be rendered."""
    HARMLESS.add(made.__name__)
    return case(made)


# Classes and modules.


@case
def tokenizer_is_a_pipeline_with_a_module(folder: Folder) -> None:
    folder.change("model_index.json", tokenizer=["diffusers", "DiffusionPipeline"])
    entries = {"unet": ["evil", "Evil"], "scheduler": ["diffusers", "DDPMScheduler"]}
    folder.change("tokenizer/model_index.json", _class_name="DDPMPipeline", **entries)
    shutil.copytree(folder.path / "scheduler", folder.path / "tokenizer" / "scheduler")
    (folder.path / "tokenizer" / "unet").mkdir()
    folder.write("tokenizer/unet/evil.py", folder.code)


@case
def text_encoder_is_a_pipeline_with_its_own_pipeline_file(folder: Folder) -> None:
    folder.change("model_index.json", text_encoder=["diffusers", "DiffusionPipeline"])
    folder.change("text_encoder/model_index.json", _class_name=["pipeline", "Evil"])
    folder.write("text_encoder/pipeline.py", folder.code)


@case
def scheduler_is_a_pipeline(folder: Folder) -> None:
    folder.change("model_index.json", scheduler=["diffusers", "DiffusionPipeline"])
    folder.change("scheduler/model_index.json", _class_name=["pipeline", "Evil"])


@case
def vae_is_an_auto_pipeline(folder: Folder) -> None:
    folder.change("model_index.json", vae=["diffusers", "AutoPipelineForText2Image"])
    folder.change("vae/model_index.json", _class_name=["pipeline", "Evil"])


@case
def auto_tokenizer_with_code(folder: Folder) -> None:
    folder.change("model_index.json", tokenizer=["transformers", "AutoTokenizer"])
    settings = {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}, "tokenizer_class": "Evil"}
    folder.change("tokenizer/tokenizer_config.json", **settings)
    folder.write("tokenizer/evil.py", folder.code)


@case
def auto_tokenizer_without_a_class(folder: Folder) -> None:
    folder.change("model_index.json", tokenizer=["transformers", "AutoTokenizer"])
    folder.write("tokenizer/tokenizer_config.json", "{}")


@case
def auto_model_with_code(folder: Folder) -> None:
    folder.change("model_index.json", text_encoder=["transformers", "AutoModel"])
    folder.change("text_encoder/config.json", **EVIL_MODEL)
    folder.write("text_encoder/evil.py", folder.code)


@case
def auto_model_of_diffusers_with_code(folder: Folder) -> None:
    folder.change("model_index.json", transformer=["diffusers", "AutoModel"])
    folder.change("transformer/config.json", auto_map={"AutoModel": "evil.Evil"}, _class_name="Evil")
    folder.write("transformer/evil.py", folder.code)


@case
def auto_model_names_a_pipeline(folder: Folder) -> None:
    folder.change("model_index.json", transformer=["diffusers", "AutoModel"])
    folder.change("transformer/config.json", _class_name="DiffusionPipeline")


@case
def auto_processor_with_code(folder: Folder) -> None:
    folder.change("model_index.json", tokenizer=["transformers", "AutoProcessor"])
    folder.change("tokenizer/processor_config.json", auto_map={"AutoProcessor": "evil.Evil"})
    folder.write("tokenizer/evil.py", folder.code)


@case
def plain_tokenizer_with_an_auto_map(folder: Folder) -> None:
    folder.change("tokenizer/config.json", auto_map={"AutoConfig": "evil.EvilConfig"}, model_type="evil")
    folder.write("tokenizer/evil/evil.py", folder.code)


@case
def auto_map_in_a_config_inside_the_config(folder: Folder) -> None:
    inner = {"auto_map": {"AutoModel": "evil.Evil"}, "model_type": "evil"}
    folder.change("text_encoder/config.json", text_config=inner)


@case
def auto_map_of_another_repo(folder: Folder) -> None:
    folder.change("text_encoder/config.json", auto_map={"AutoModel": "owner/evil--modeling.Evil"})


@case
def auto_map_in_a_generation_config(folder: Folder) -> None:
    folder.change("text_encoder/generation_config.json", custom=[{"auto_map": {"": "evil.Evil"}}])


@case
def custom_pipeline_in_the_index(folder: Folder) -> None:
    folder.change("model_index.json", custom_pipeline="pipeline.py")
    folder.write("pipeline.py", folder.code)


@case
def pipeline_of_a_file(folder: Folder) -> None:
    folder.change("model_index.json", _class_name=["pipeline", "Evil"])
    folder.write("pipeline.py", folder.code)


@case
def vae_of_a_module_in_the_folder(folder: Folder) -> None:
    folder.change("model_index.json", vae=["evil", "Evil"])
    folder.write("evil.py", folder.code)


@case
def vae_of_a_module_in_its_own_folder(folder: Folder) -> None:
    folder.change("model_index.json", vae=["vae.evil", "Evil"])
    folder.write("vae/evil.py", folder.code)


@case
def further_component_of_a_module(folder: Folder) -> None:
    folder.change("model_index.json", safety_checker=["evil", "Evil"])
    folder.write("safety_checker/evil.py", folder.code)


@case
def vae_is_a_function_of_the_system(folder: Folder) -> None:
    folder.change("model_index.json", vae=["os", "system"])


@case
def tokenizer_is_a_function_of_transformers(folder: Folder) -> None:
    folder.change("model_index.json", tokenizer=["transformers", "pipeline"])


@case
def tokenizer_that_loads_others(folder: Folder) -> None:
    folder.change("model_index.json", tokenizer=["transformers", "RagTokenizer"])


@case
def text_encoder_that_loads_others(folder: Folder) -> None:
    folder.change("model_index.json", text_encoder=["transformers", "EncoderDecoderModel"])


@case
def class_with_a_path(folder: Folder) -> None:
    name = "utils.dynamic_modules_utils.get_class_from_dynamic_module"
    folder.change("model_index.json", transformer=["diffusers", name])


@case
def scheduler_is_a_model(folder: Folder) -> None:
    folder.change("model_index.json", scheduler=["diffusers", "UNet2DModel"])


@case
def python_file_beside_the_weights(folder: Folder) -> None:
    folder.write("text_encoder/modeling_umt5.py", folder.code)


@case
def text_encoder_with_its_own_generate(folder: Folder) -> None:
    (folder.path / "text_encoder" / "custom_generate").mkdir()
    folder.write("text_encoder/custom_generate/generate.py", folder.code + "\ndef generate(*a, **k): pass")


@case
def component_with_a_path(folder: Folder) -> None:
    folder.change("model_index.json", **{"../evil": ["diffusers", "AutoencoderKL"]})


@case
def entry_of_three(folder: Folder) -> None:
    folder.change("model_index.json", vae=["diffusers", "AutoencoderKLWan", "evil"])


@case
def attention_from_the_hub(folder: Folder) -> None:
    folder.change("text_encoder/config.json", attn_implementation="owner/evil:run")


@case
def attention_from_the_hub_under_its_other_name(folder: Folder) -> None:
    folder.change("text_encoder/config.json", _attn_implementation="owner/evil@main:run")


# Weights.


@case
def index_names_a_pickle(folder: Folder) -> None:
    folder.weights("transformer").unlink()
    folder.write("transformer/diffusion_pytorch_model-00001-of-00001.safetensors", b"")
    folder.write("transformer/diffusion_pytorch_model.bin", folder.pickled())
    folder.sharded("transformer", "diffusion_pytorch_model.bin")


@case
def index_beside_a_good_file_names_a_pickle(folder: Folder) -> None:
    folder.write("vae/diffusion_pytorch_model.bin", folder.pickled())
    folder.sharded("vae", "diffusion_pytorch_model.bin")


@case
def index_of_a_variant_names_a_pickle(folder: Folder) -> None:
    folder.write("vae/diffusion_pytorch_model.fp16.bin", folder.pickled())
    folder.sharded("vae", "diffusion_pytorch_model.fp16.bin", "diffusion_pytorch_model.safetensors.index.fp16.json")


@case
def index_leaves_the_folder(folder: Folder) -> None:
    folder.sharded("transformer", "../../outside.safetensors")


@case
def index_names_an_absolute_path(folder: Folder) -> None:
    folder.sharded("text_encoder", "/etc/evil.safetensors", "model.safetensors.index.json")


@case
def index_names_no_text(folder: Folder) -> None:
    folder.sharded("transformer", {"../evil": 1})


@case
def index_without_a_map(folder: Folder) -> None:
    folder.write("transformer/diffusion_pytorch_model.safetensors.index.json", '{"weight_map": [1, 2]}')


@case
def only_pickled_weights(folder: Folder) -> None:
    folder.weights("vae").unlink()
    folder.write("vae/diffusion_pytorch_model.bin", folder.pickled())


@case
def pickle_with_another_name(folder: Folder) -> None:
    folder.weights("vae").write_bytes(folder.pickled())


@case
def weights_are_a_link_to_elsewhere(folder: Folder) -> None:
    outside = folder.path.parent / "outside.safetensors"
    folder.weights("vae").rename(outside)
    (folder.path / "vae" / "diffusion_pytorch_model.safetensors").symlink_to(outside)


@case
def component_is_a_link_to_elsewhere(folder: Folder) -> None:
    (folder.path / "text_encoder").rename(folder.path.parent / "elsewhere")
    (folder.path / "text_encoder").symlink_to("../elsewhere")


@case
def config_is_a_link_to_a_secret(folder: Folder) -> None:
    (folder.path / "vae" / "config.json").unlink()
    (folder.path / "vae" / "config.json").symlink_to("/etc/passwd")


@case
def config_is_a_link_to_itself(folder: Folder) -> None:
    (folder.path / "vae" / "config.json").unlink()
    (folder.path / "vae" / "config.json").symlink_to("config.json")


@case
def weights_are_a_pipe(folder: Folder) -> None:
    path = folder.weights("transformer")
    path.unlink()
    os.mkfifo(path)


@case
def config_is_a_pipe(folder: Folder) -> None:
    (folder.path / "transformer" / "config.json").unlink()
    os.mkfifo(folder.path / "transformer" / "config.json")


@case
def index_is_an_endless_device(folder: Folder) -> None:
    (folder.path / "model_index.json").unlink()
    (folder.path / "model_index.json").symlink_to("/dev/zero")


@case
def safetensors_header_of_90_mb(folder: Folder) -> None:
    header = b'{"__metadata__":{"a":"' + b"x" * (90 * MIB) + b'"}}'
    folder.weights("vae").write_bytes(struct.pack("<Q", len(header)) + header)


@case
def safetensors_header_nested_deeply(folder: Folder) -> None:
    header = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    folder.weights("vae").write_bytes(struct.pack("<Q", len(header)) + header)


@case
def safetensors_offsets_outside_the_file(folder: Folder) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    folder.weights("vae").write_bytes(struct.pack("<Q", len(header)) + header)


@case
def adapter_takes_another_model(folder: Folder) -> None:
    folder.change("text_encoder/adapter_config.json", base_model_name_or_path="/etc", peft_type="LORA")


@case
def tokenizer_reads_a_vocabulary_elsewhere(folder: Folder) -> None:
    folder.change("tokenizer/tokenizer_config.json", vocab_file="/etc/passwd")


@case
def special_tokens_read_a_tokenizer_elsewhere(folder: Folder) -> None:
    folder.change("tokenizer/special_tokens_map.json", tokenizer_file="/etc/passwd")


@case
def tokenizer_is_given_its_inputs(folder: Folder) -> None:
    folder.change("tokenizer/tokenizer_config.json", init_inputs=["/etc/passwd"])


@case
def sentencepiece_opens_a_file(folder: Folder) -> None:
    folder.change("tokenizer/tokenizer_config.json", sp_model_kwargs={"model_file": "/etc/passwd"})


# Settings that take the machine.


@case
def transformer_of_1e8_layers(folder: Folder) -> None:
    folder.change("transformer/config.json", num_layers=100_000_000)


@case
def text_encoder_of_1e8_layers(folder: Folder) -> None:
    folder.change("text_encoder/config.json", num_layers=100_000_000)


@case
def vae_of_1e8_blocks(folder: Folder) -> None:
    folder.change("vae/config.json", num_res_blocks=100_000_000)


@case
def transformer_of_4000_large_layers(folder: Folder) -> None:
    folder.change("transformer/config.json", num_layers=4000, ffn_dim=100_000, num_attention_heads=1000)


@case
def transformer_with_a_giant_dimension(folder: Folder) -> None:
    folder.change("transformer/config.json", ffn_dim=100_000_000)


@case
def transformer_with_many_heads(folder: Folder) -> None:
    folder.change("transformer/config.json", num_attention_heads=50_000_000)


@case
def transformer_with_giant_position_tables(folder: Folder) -> None:
    folder.change("transformer/config.json", rope_max_seq_len=100_000_000)


@case
def transformer_of_a_number_of_4000_digits(folder: Folder) -> None:
    folder.write("transformer/config.json", '{"num_layers": ' + "9" * 4000 + "}")


@case
def text_encoder_with_a_giant_vocabulary(folder: Folder) -> None:
    folder.change("text_encoder/config.json", vocab_size=100_000_000, d_model=100_000)


@case
def vae_with_a_list_of_blocks(folder: Folder) -> None:
    folder.change("vae/config.json", dim_mult=[1] * 90_000, temperal_downsample=[False] * 90_000)


@case
def vae_with_giant_channels(folder: Folder) -> None:
    folder.change("vae/config.json", base_dim=10_000_000)


@harmless
def transformer_of_negative_size(folder: Folder) -> None:
    folder.change("transformer/config.json", num_layers=-1, ffn_dim=-8)


@case
def config_nested_deeply(folder: Folder) -> None:
    folder.write("transformer/config.json", '{"a":' + "[" * 100_000 + "]" * 100_000 + "}")


@case
def index_nested_deeply(folder: Folder) -> None:
    folder.write("model_index.json", '{"a":' * 100_000 + "1" + "}" * 100_000)


@case
def config_of_40_mb(folder: Folder) -> None:
    folder.write("vae/config.json", '{"a":[' + "1," * (20 * MIB) + "1]}")


@case
def index_of_a_million_entries(folder: Folder) -> None:
    folder.write("model_index.json", '{"a": 1' + ',"vae":["diffusers","AutoencoderKL"]' * 300_000 + "}")


@case
def tokenizer_of_a_gigabyte(folder: Folder) -> None:
    os.truncate(folder.path / "tokenizer" / "tokenizer.json", 1 << 30)


@case
def tokenizer_of_1e8_extra_tokens(folder: Folder) -> None:
    folder.change("model_index.json", tokenizer=["transformers", "T5TokenizerFast"])
    folder.change("tokenizer/tokenizer_config.json", tokenizer_class="T5TokenizerFast", extra_ids=100_000_000)


@case
def tokenizer_that_pads_to_1e9_tokens(folder: Folder) -> None:
    folder.change("tokenizer/tokenizer_config.json", model_max_length=1_000_000_000)


@case
def tokenizer_that_panics(folder: Folder) -> None:
    content = json.loads((folder.path / "tokenizer" / "tokenizer.json").read_text())
    content["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "AAAA"}
    folder.write("tokenizer/tokenizer.json", json.dumps(content))


@case
def tokenizer_nested_deeply(folder: Folder) -> None:
    folder.write("tokenizer/tokenizer.json", '{"a":' + "[" * 100_000 + "]" * 100_000 + "}")


@case
def schedule_of_1e10_steps(folder: Folder) -> None:
    folder.change("scheduler/scheduler_config.json", num_train_timesteps=10_000_000_000)


@case
def scheduler_that_keeps_1e9_steps(folder: Folder) -> None:
    folder.change("scheduler/scheduler_config.json", solver_order=1_000_000_000)


@case
def precision_is_no_precision(folder: Folder) -> None:
    folder.change("text_encoder/config.json", torch_dtype="hub", dtype="hub")


@harmless
def quantized_by_an_unknown_method(folder: Folder) -> None:
    folder.change("text_encoder/config.json", quantization_config={"quant_method": "evil", "run": "evil.py"})


@harmless
def class_name_inside_a_config(folder: Folder) -> None:
    folder.change("vae/config.json", _class_name="DiffusionPipeline")


@harmless
def code_that_nothing_names(folder: Folder) -> None:
    folder.write("assets/evil.py", folder.code)
