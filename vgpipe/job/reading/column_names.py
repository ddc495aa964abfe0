"""The names that other tools and people give to the fields of a prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vgpipe.job.declared import set_by
from vgpipe.job.settings import SetBy

FIELDS = ("id", "prompt", "shots", "matrix", *(one.name for one in set_by(SetBy.JOB)))
"""The fields of a prompt, by their own names."""

_SYNONYMS = {
    "prompt": "text caption captions prompts prompt_en positive positive_prompt text_prompt prompt_text description",
    "negative_prompt": "negative neg neg_prompt negative_text negative_prompts negative_prompt_en uncond n_prompt",
    "seed": "noise_seed random_seed rng_seed generator_seed seed_value",
    "seeds": "seed_list",
    "width": "w video_width image_width",
    "height": "h video_height image_height",
    "num_frames": "frames frame_count frame_num n_frames num_frame number_of_frames total_frames length video_length",
    "seconds": "duration duration_s duration_seconds length_s length_seconds secs sec video_duration",
    "fps": "frame_rate frames_per_second video_fps",
    "num_inference_steps": "steps step inference_steps sampling_steps sample_steps infer_steps num_steps n_steps "
    "num_sampling_steps denoising_steps step_count",
    "guidance_scale": "cfg cfg_scale guidance guide_scale sample_guide_scale guidance_strength",
    "image": "image_path image_file img img_path init_image input_image start_image first_frame",
    "last_image": "end_image last_frame end_frame last_img end_img tail_image",
    "images": "keyframes key_frames image_conditions",
    "video": "video_path input_video init_video source_video src_video",
    "strength": "denoise denoising_strength denoise_strength",
    "fit": "resize_mode",
    "audio": "audio_path audio_file sound sound_file music soundtrack",
}

_SCHEDULER = "set the scheduler of the whole run: model.scheduler.name"
_SHIFT = "set it for the whole run: model.scheduler.config.flow_shift, or shift"
_MODEL = "choose the model of the whole run, in the group `model`"
_LORA = "load LoRAs for the whole run: model.loras"
_MANY = "for several clips of one prompt use `takes`, or `seeds`"
_SIZE = "use `width` and `height`"
_NONE = "a clip has no such setting"
_FOREIGN = {
    _SCHEDULER: "sampler sampler_name sampling_method scheduler scheduler_name solver sample_solver",
    _SHIFT: "shift flow_shift sample_shift discrete_flow_shift",
    _MODEL: "model model_name base_model checkpoint ckpt ckpt_name sd_model",
    _LORA: "lora loras lora_name lora_weight lora_strength",
    _MANY: "batch batch_size batch_count n_iter num_videos num_samples num_outputs videos_per_prompt repeats count",
    _SIZE: "size resolution video_size dimensions aspect_ratio aspect ratio",
    _NONE: "clip_skip vae motion_bucket_id eta dtype",
    "use `guidance_scale`, if that is meant": "scale",
    "set arguments for the whole run: model.pipeline_kwargs": "true_cfg_scale embedded_guidance_scale guidance_scale_2",
}


def normalised(name: str) -> str:
    """Returns the letters and digits of a name in lower case, without a unit in brackets: `CFG scale` is `cfgscale`."""
    bare = re.sub(r"[(\[][^)\]]*[)\]]\s*$", "", name) or name
    return "".join(character for character in bare.casefold() if character.isalnum()) or name.strip()


def _by_name(words: Mapping[str, str]) -> dict[str, str]:
    return {normalised(name): target for target, names in words.items() for name in names.split()}


OWN = {normalised(name): name for name in FIELDS}
"""Normalised name -> field, of the fields' own names."""
SYNONYMS = _by_name(_SYNONYMS)
"""Normalised name -> the field that it stands for."""
FOREIGN = _by_name(_FOREIGN)
"""Normalised name of a setting that no clip has -> what to use instead."""
