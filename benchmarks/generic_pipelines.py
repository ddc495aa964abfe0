"""Runs tiny random checkpoints of many video pipelines with `model=generic`, beside the stock pipelines.

    python -m benchmarks.generic_pipelines [NAME ...] [--save] [-v]

`--save` writes generic_pipelines.csv, which `pipeline_classes.py` puts into docs/pipelines.md; `-v` ends with the
traceback of the first error. For each it prints how it is driven (staged or whole), whether latents, frames and sound
equal the stock call's bit for bit, and of a staged one whether it equals them resumed after each step.

Of 44 classes, 41 ran, all of them equal. Of the others the stock call itself fails here: diffusers 0.42.1 calls
EasyAnimateControl's encode_prompt with an argument that it does not take, I2VGen-XL reads a part of CLIP that
transformers 5 has not, and DFR needs a checkpoint of LTX-2.5. Those of Cosmos need packages that were not installed.
"""

from __future__ import annotations

import csv
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks import video_checkpoints as made
from tests import tiny
from tests.models.driven import Case, Driven, drive
from tests.models.families.test_kandinsky5 import processor_of
from tests.tiny import image_to_video, others, stable_diffusion
from vgpipe.models.base import Decoded, Settings
from vgpipe.models.families.generic_base import FRAME_COUNTS, RATES, GenericBase
from vgpipe.models.families.generic_whole import VIDEOS

UNBINNED = {"use_resolution_binning": False}
PYRAMID = {"pyramid_num_inference_steps_list": [2]}
UNTILED = {"decode_horizontal_tiles": 1, "decode_vertical_tiles": 1}
SAVED = Path(__file__).with_name("generic_pipelines.csv")
EQUAL, OTHER = "equal", "other"
FLAT = 10
"""Levels of 255 between the darkest and the brightest value of frames that show nothing."""
PICTURE_HWC = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


@dataclass(frozen=True)
class Entry:
    """One checkpoint.

    Attributes:
        build: saves it into a folder.
        num_frames: of the clip.
        kwargs: further arguments of its call.
        width: of the clip, pixels.
        height: likewise.
        steps: denoising steps.
        vae: prepares its VAE, on both sides.
    """

    build: Callable[[Path], Path]
    num_frames: int = 5
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    width: int = 32
    height: int = 32
    steps: int = 3
    vae: Callable[[Any], None] | None = None


def option(name: str) -> Callable[[Path], Path]:
    """Returns what builds the tiny checkpoint of an option."""
    return lambda folder: tiny.build(name, folder)


def retitled(build: Callable[[Path], Path], name: str) -> Callable[[Path], Path]:
    """Returns what builds a checkpoint of another pipeline class with the same components."""

    def built(folder: Path) -> Path:
        index = build(folder) / "model_index.json"
        index.write_text(json.dumps({**json.loads(index.read_text()), "_class_name": name}))
        return folder

    return built


def small_tiles(vae: Any) -> None:
    """Has Allegro's VAE decode in small tiles: it decodes in no other way, and nothing that is smaller than one."""
    vae.enable_tiling()
    vae.kernel, vae.stride = (8, 64, 64), (4, 32, 32)


ENTRIES = {
    "allegro": Entry(made.allegro, 8, width=64, height=64, vae=small_tiles),
    "animatediff_pag": Entry(made.animatediff_pag, 4),
    "anyflow_far": Entry(made.anyflow_far, 9, {"chunk_partition": [1, 2]}),
    "chronoedit": Entry(made.chronoedit),
    "cogvideox": Entry(option("cogvideox_5b"), 9),
    "cogvideox_i2v": Entry(option("cogvideox_5b_i2v"), 9, width=48),
    "easy_animate": Entry(made.easy_animate),
    "easy_animate_control": Entry(made.easy_animate_control),
    "easy_animate_inpaint": Entry(made.easy_animate_inpaint),
    "framepack": Entry(option("framepack"), 9, {"latent_window_size": 3}),
    "helios": Entry(made.helios, 9),
    "helios_pyramid": Entry(
        retitled(made.helios, "HeliosPyramidPipeline"), 9, {"pyramid_num_inference_steps_list": [2]}
    ),
    "hunyuan_skyreels_i2v": Entry(made.hunyuan_skyreels_i2v, 9),
    "hunyuan_video": Entry(option("hunyuan_video"), 9),
    "hunyuan_video_15_i2v": Entry(option("hunyuan_video_15_i2v"), 9, width=48, height=48),
    "i2vgen_xl": Entry(made.i2vgen_xl, 4),
    "latte": Entry(others.latte, 4),
    "ltx2": Entry(option("ltx2"), 9, width=64, height=64),
    "kandinsky5": Entry(option("kandinsky5_t2v_lite"), 9),
    "kandinsky5_i2v": Entry(retitled(option("kandinsky5_t2v_lite"), "Kandinsky5I2VPipeline"), 17),
    "ltx2_i2v": Entry(retitled(option("ltx2"), "LTX2ImageToVideoPipeline"), 9, {"image_crf": 0}, width=64, height=64),
    "ltx2_condition": Entry(retitled(option("ltx2"), "LTX2ConditionPipeline"), 9, width=64, height=64),
    "ltx2_in_context": Entry(retitled(option("ltx2"), "LTX2InContextPipeline"), 9, width=64, height=64),
    "ltx2_dfr": Entry(retitled(option("ltx2"), "LTX2DFRPipeline"), 9, width=64, height=64),
    "ltx2_hdr": Entry(retitled(option("ltx2"), "LTX2HDRPipeline"), 9, width=64, height=64),
    "ltx": Entry(option("ltx_video_2b"), 9, width=64),
    "ltx_i2v": Entry(retitled(option("ltx_video_2b"), "LTXImageToVideoPipeline"), 9, width=64),
    "ltx_i2v_long": Entry(made.ltx_i2v_long, 9, UNTILED, width=64),
    "mochi": Entry(others.mochi, 7),
    "motif_video": Entry(made.motif_video, 9),
    "motif_video_i2v": Entry(made.motif_video_i2v, 9),
    "pia": Entry(made.pia, 4),
    "sana_video": Entry(option("sana_video"), 9, UNBINNED),
    "sana_i2v": Entry(retitled(option("sana_video"), "SanaImageToVideoPipeline"), 9, UNBINNED),
    "skyreels_v2": Entry(made.skyreels_v2, 9),
    "skyreels_v2_df": Entry(retitled(made.skyreels_v2_df_i2v, "SkyReelsV2DiffusionForcingPipeline"), 9),
    "skyreels_v2_df_i2v": Entry(made.skyreels_v2_df_i2v, 9),
    "skyreels_v2_i2v": Entry(image_to_video.skyreels_v2_i2v, 9),
    "stable_video_diffusion": Entry(image_to_video.stable_video_diffusion, 3),
    "text_to_video_ms": Entry(option("text_to_video_ms"), 4),
    "text_to_video_zero": Entry(stable_diffusion.text_to_video_zero, 4, {"t0": 1, "t1": 2}),
    "vace": Entry(option("wan21_vace_1_3b"), 9),
    "wan_i2v": Entry(option("wan21_i2v_14b_480p"), 9),
    "wan": Entry(option("wan21_t2v_1_3b"), 9),
}


@dataclass(frozen=True)
class Run:
    """What one checkpoint showed: of each thing `equal`, `other`, or empty where there is none.

    Attributes:
        name: of the class.
        way: staged or whole.
        latents: of a staged pipeline.
        frames: decoded.
        sound: of a pipeline that gives it.
        resumed: whether a staged one, resumed after each step, has the same latents.
    """

    name: str
    way: str
    latents: str
    frames: str
    sound: str
    resumed: str


def main() -> None:
    """Prints a line for each checkpoint, and with `--save` writes them for the page of all classes."""
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    names = [name for name in sys.argv[1:] if name in ENTRIES] or list(ENTRIES)
    runs = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                runs.append(compared(ENTRIES[name], ENTRIES[name].build(Path(folder))))
                print(" | ".join(filter(None, astuple(runs[-1]))), flush=True)
            except Exception as error:  # the others are run
                if "-v" in sys.argv:
                    raise
                print(f"{name}: {type(error).__name__}: {str(error).strip().splitlines()[0][:150]}", flush=True)
    if "--save" in sys.argv:
        with SAVED.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([one.name for one in fields(Run)])
            writer.writerows(sorted(astuple(one) for one in runs))


def compared(entry: Entry, folder: Path) -> Run:
    """Returns what one checkpoint showed."""
    driven = drive("generic", folder, Settings(pipeline_kwargs=dict(entry.kwargs), vae_tiling=entry.vae is not None))
    driven.family.check_classes()
    family: GenericBase = driven.family
    if entry.vae:
        entry.vae(driven.of(("vae",))["vae"])
    picture = np.asarray(Image.fromarray(PICTURE_HWC).resize((entry.width, entry.height)))
    case = Case(
        "a red circle", "blue", 3, 4.5, width=entry.width, height=entry.height, num_frames=entry.num_frames,
        num_inference_steps=entry.steps, frames_NHWC=picture[None] if family.image_pipeline else None,
    )  # fmt: skip
    stock = stock_output(driven, entry, folder, case, "np")
    frames = np.asarray(next(one for name in VIDEOS if (one := getattr(stock, name, None)) is not None))
    frames = frames[0] if frames.ndim == 5 else frames
    frames = frames if frames.dtype == np.uint8 else (frames * 255).round().astype("uint8")
    if np.ptp(frames) < FLAT:
        raise ValueError("flat frames show nothing")
    is_staged, seen = family.way_in_keys == "Staged", []
    latents, decode = driven.latents(case, spy=seen) if is_staged else driven.latents(case)
    decoded = family.decode(driven.of(family.decode_components), decode)
    return Run(
        name=family.pipeline,
        way=family.way_in_keys.lower(),
        latents=word(latents, stock_output(driven, entry, folder, case, "latent").frames) if is_staged else "",
        frames=word(torch.from_numpy(decoded.frames_THWC), torch.from_numpy(frames)),
        sound=sound_word(decoded, stock),
        resumed=resumed(driven, case, seen, latents) if is_staged else "",
    )


def word(one: torch.Tensor, other: torch.Tensor) -> str:
    """Returns whether tensors are equal, in a word."""
    return EQUAL if torch.equal(one, other) else OTHER


def sound_word(decoded: Decoded, stock: Any) -> str:
    """Returns whether the sound equals the stock call's."""
    audio = getattr(stock, "audio", None)
    if audio is None:
        return ""
    stock_CS = torch.as_tensor(audio)[0].float()
    return OTHER if decoded.sound is None else word(torch.from_numpy(decoded.sound.samples_SC).T, stock_CS)


def resumed(driven: Driven, case: Case, seen: list[Any], latents: torch.Tensor) -> str:
    """Returns whether a clip that is resumed after each of its steps has the same latents."""
    steps = range(1, case.num_inference_steps)
    found = [driven.latents(case, done=step, saved=seen[step - 1])[0] for step in steps]
    return EQUAL if all(torch.equal(one, latents) for one in found) else OTHER


def stock_output(driven: Driven, entry: Entry, folder: Path, case: Case, output_type: str) -> Any:
    """Calls the stock pipeline."""
    import inspect

    from diffusers import DiffusionPipeline

    index = json.loads((folder / "model_index.json").read_text())
    absent: dict[str, Any] = {}
    if "safety_checker" in index:
        absent["safety_checker"] = None
    if index["_class_name"].startswith("Kandinsky5"):  # of which transformers makes no processor without torchvision
        absent["tokenizer"] = processor_of(folder)
    pipeline = DiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, **absent)
    pipeline.set_progress_bar_config(disable=True)
    if entry.vae:
        entry.vae(pipeline.vae)
    picture = None if case.frames_NHWC is None else Image.fromarray(case.frames_NHWC[0])
    arguments = {
        "prompt": case.prompt, "negative_prompt": case.negative_prompt, "width": case.width, "height": case.height,
        "num_inference_steps": case.num_inference_steps, "guidance_scale": case.guidance_scale,
        "generator": torch.Generator().manual_seed(case.seed), "image": picture, "cond_image": picture,
        **dict.fromkeys(FRAME_COUNTS, case.num_frames), **dict.fromkeys(RATES, int(case.fps)), **entry.kwargs,
    }  # fmt: skip
    known = inspect.signature(type(pipeline).__call__).parameters
    given = {name: value for name, value in arguments.items() if name in known and value is not None}
    if not driven.family.uses_negative_prompt(case.guidance_scale):
        given.pop("negative_prompt", None)
    return pipeline(**given, output_type=output_type)


if __name__ == "__main__":
    main()
