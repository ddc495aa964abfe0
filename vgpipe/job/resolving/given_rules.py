"""What is wrong with what an entry is given: things that its model takes none of, and frames that its clips lack."""

from __future__ import annotations

from vgpipe.job.clip import Clip
from vgpipe.job.faults import Faults
from vgpipe.job.picture import format_path
from vgpipe.job.resolving.given_settings import CONTINUE, PICTURES, RESTYLE, GivenSettings
from vgpipe.job.resolving.precedence import ResolvedSetting
from vgpipe.job.rules import REMEDIES, ShapeRules
from vgpipe.job.segment import WINDOW
from vgpipe.job.segments import segments_of

FIRST = "image"


def check_rules(given: GivenSettings, rules: ShapeRules, model: str, faults: Faults) -> None:
    """Records what the model takes none of.

    Args:
        given: the settings of an entry.
        rules: what the model can be given.
        model: name of the option of `conf/model`.
        faults: where faults are recorded.
    """
    for name in (*PICTURES, "images"):
        setting = getattr(given, name)
        if setting is not None and getattr(rules, name) == "never":
            told = f"{name} {format_path(str(setting.value))}" if name in PICTURES else name
            does = "makes videos from text alone" if rules.image == "never" else f"takes no {name}"
            remedy = f"remove it, or choose a model that takes {name}: {REMEDIES[name]}"
            if name == FIRST:
                remedy = f"remove it, or choose a model that takes images: {REMEDIES[name]}"
            setting.add_fault(f"{told}: the model {model} {does}", remedy, faults)
    if given.video is not None:
        _check_video(given, given.video, rules, model, faults)
    _check_strength(given, faults)


def _check_video(given: GivenSettings, video: ResolvedSetting, rules: ShapeRules, model: str, faults: Faults) -> None:
    use = RESTYLE if given.restyles else CONTINUE
    told, able = f"video {format_path(str(video.value))}", rules.video
    if not able:
        remedy = f"remove it, or choose a model that takes one: {REMEDIES[use]}"
        video.add_fault(f"{told}: the model {model} takes no video", remedy, faults)
    elif use not in able:
        other = (
            "set strength, for example 0.7, to have it restyled"
            if use == CONTINUE
            else "leave strength out to have it continued"
        )
        remedy = f"{other}; or choose a model that can: {REMEDIES[use]}"
        video.add_fault(f"{told}: the model {model} cannot {use} a video", remedy, faults)
    others = [name for name in (*PICTURES, "images") if getattr(given, name) is not None]
    wrong = [name for name in others if name == FIRST or given.restyles]
    if wrong:
        begins = "whose end is the clip's first frames" if use == CONTINUE else "which gives every frame"
        video.add_fault(f"{told}: `{wrong[0]}` is set, too, beside a video {begins}", "keep one", faults)


def _check_strength(given: GivenSettings, faults: Faults) -> None:
    if given.strength is not None and given.video is None:
        what = "strength says how much of a video is changed, and there is no video"
        given.strength.add_fault(what, "add `video`, or remove it", faults)


def check_frames(given: GivenSettings, num_frames: int, steps: int, faults: Faults) -> None:
    """Records the images that lie outside of their clip, or where another one is, and a strength of no step.

    Args:
        given: the settings of an entry.
        num_frames: of its clips.
        steps: of their denoising.
        faults: where faults are recorded.
    """
    strength = float(str(given.strength.value)) if given.strength is not None else 1.0
    if given.strength is not None and int(steps * strength) < 1:
        what = f"strength is {strength:g}, and of {steps} steps that is none"
        given.strength.add_fault(what, f"at least strength: {1 / steps:.3g}", faults)
    taken: dict[int, str] = {}
    if given.image is not None or given.video is not None:
        taken[0] = "the first frame, which is given by `image` or `video`"
    if given.last_image is not None:
        taken[num_frames - 1] = "the last frame, which is `last_image`"
    for one in given.placed():
        frame = one.frame if one.frame >= 0 else num_frames + one.frame
        where = f"images: frame {one.frame}"
        if not 0 <= frame < num_frames:
            what = f"{where} is outside of the clip, which has {num_frames} frames"
            one.setting.add_fault(what, f"frames are counted from 0 to {num_frames - 1}", faults)
        elif frame in taken:
            one.setting.add_fault(f"{where} is {taken[frame]}", "keep one of them", faults)
        else:
            taken[frame] = "there twice"


def check_segments(given: GivenSettings, clip: Clip, rules: ShapeRules, faults: Faults) -> None:
    """Records what a clip that is made in segments cannot be given.

    Args:
        given: the settings of its entry.
        clip: the clip.
        rules: what the model can make.
        faults: where faults are recorded.
    """
    if clip.continuation is None:
        return
    if given.restyles and given.video is not None:
        what = f"video: {clip.num_frames} frames are made in segments, and a video is restyled at once"
        remedy = f"ask for at most num_frames: {rules.largest_num_frames}, or leave strength out"
        given.video.add_fault(what, remedy, faults)
    elif clip.continuation.method == WINDOW and (clip.last_image or clip.images):
        setting = given.last_image or given.images
        if setting is not None:
            what = f"{setting.name}: the clip is made in windows, which take an image for the first frame alone"
            setting.add_fault(what, "choose another continuation, or fewer num_frames", faults)
    elif given.last_image is not None and clip.last_image is not None and rules.images == "never":
        last = segments_of(clip)[-1]
        surplus = last.clip.num_frames - last.end
        if surplus:
            what = (
                f"last_image: the last segment has {last.end} frames of the {last.clip.num_frames} that are made, "
                f"whose last one is cut off"
            )
            remedy = f"make it {surplus} frames longer: num_frames: {clip.num_frames + surplus}"
            given.last_image.add_fault(what, remedy, faults)
