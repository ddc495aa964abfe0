"""Tiny random checkpoints of every model option, in real diffusers layout.

`BUILDERS` maps an option of conf/model to `module:function`; the function saves into a folder and returns it.
All tests of a session, in whatever worker, get copies of one build.
`python -m tests.tiny OPTION FOLDER` builds one by hand.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import tempfile
from pathlib import Path

BUILDERS: dict[str, str] = {
    "animatediff_sd15": "tests.tiny.stable_diffusion:animatediff_sd15",
    "framepack": "tests.tiny.framepack:framepack",
    "anyflow_wan": "tests.tiny.anyflow:anyflow_wan",
    "generic": "tests.tiny.others:mochi",
    "text_to_video_ms": "tests.tiny.stable_diffusion:text_to_video_ms",
    "cogvideox_2b": "tests.tiny.cogvideox:cogvideox_2b",
    "cogvideox_5b": "tests.tiny.cogvideox:cogvideox_5b",
    "cogvideox_5b_i2v": "tests.tiny.cogvideox:cogvideox_5b_i2v",
    "cogvideox15_5b": "tests.tiny.cogvideox:cogvideox15_5b",
    "hunyuan_video": "tests.tiny.hunyuan_video:hunyuan_video",
    "hunyuan_video_15": "tests.tiny.hunyuan_video15:hunyuan_video_15",
    "ltx2": "tests.tiny.ltx2:ltx2",
    "ltx2_distilled": "tests.tiny.ltx2:ltx2_distilled",
    "hunyuan_video_15_480p_distilled": "tests.tiny.hunyuan_video15:hunyuan_video_15_480p_distilled",
    "hunyuan_video_15_i2v": "tests.tiny.hunyuan_video15:hunyuan_video_15_i2v",
    "ltx2_distilled_two_stage": "tests.tiny.ltx2:ltx2_distilled",
    "kandinsky5_t2v_lite": "tests.tiny.kandinsky5:kandinsky5_t2v_lite",
    "ltx_video_2b": "tests.tiny.ltx:ltx_video_2b",
    "ltx_video_distilled": "tests.tiny.ltx:ltx_video_distilled",
    "minimax_h3": "tests.tiny.minimax_h3:minimax_h3",
    "mochi_1_preview": "tests.tiny.others:mochi",
    "skyreels_v2_df_1_3b": "tests.tiny.skyreels_v2:df_1_3b",
    "sana_video": "tests.tiny.sana_video:sana_video",
    "wan21_t2v_1_3b": "tests.tiny.wan:t2v_1_3b",
    "wan21_t2v_14b": "tests.tiny.wan:t2v_14b",
    "wan22_ti2v_5b": "tests.tiny.wan:ti2v_5b",
    "wan22_t2v_a14b": "tests.tiny.wan:t2v_a14b",
    "wan21_vace_1_3b": "tests.tiny.wan_vace:vace_1_3b",
    "wan21_i2v_14b_480p": "tests.tiny.wan_i2v:i2v_14b",
    "wan21_i2v_14b_720p": "tests.tiny.wan_i2v:i2v_14b",
    "wan21_flf2v_14b": "tests.tiny.wan_i2v:flf2v_14b",
    "wan22_i2v_a14b": "tests.tiny.wan_i2v:i2v_a14b",
}


def build(option: str, folder: Path) -> Path:
    """Builds the tiny checkpoint of a model option into `folder` and returns it."""
    if "VGPIPE_TEST_CACHE" not in os.environ:
        return _build(option, folder)
    kept = Path(os.environ["VGPIPE_TEST_CACHE"]) / "tiny" / option
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = _build(option, Path(tempfile.mkdtemp(dir=kept.parent)))
        with contextlib.suppress(OSError):  # another worker was faster
            draft.rename(kept)
    return Path(shutil.copytree(kept, folder, dirs_exist_ok=True))


def _build(option: str, folder: Path) -> Path:
    module, function = BUILDERS[option].split(":")
    return getattr(importlib.import_module(module), function)(folder)
