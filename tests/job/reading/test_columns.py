"""Names of columns and keys: vgpipe's own, other tools', and those of `job.columns`."""

import pytest

from vgpipe.errors import JobError
from vgpipe.job.reading.column_names import FOREIGN, OWN, SYNONYMS, normalised
from vgpipe.job.reading.parse import read_job

CAPS = "\ufeffPrompt,Negative Prompt,Seed,Steps,CFG,Width,Height,Frames\nx,blurry,1,4,3,64,64,9\n"
READ = {
    "negative_prompt": "blurry",
    "seed": 1,
    "num_inference_steps": 4,
    "guidance_scale": 3.0,
    "width": 64,
    "height": 64,
    "num_frames": 9,
}


def test_a_table_with_the_names_of_other_tools_is_read_and_says_how(write) -> None:
    job = read_job(write(CAPS, "a.csv"))
    assert job.entries[0].prompt == "x" and job.entries[0].settings.values == READ
    assert job.notes == (
        'a.csv:1: "Steps" is read as `num_inference_steps`',
        'a.csv:1: "CFG" is read as `guidance_scale`',
        'a.csv:1: "Frames" is read as `num_frames`',
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", "caption\tsteps\tcfg scale\nx\t4\t3\n"),
        ("a.jsonl", '{"text": "x", "sampling_steps": 4, "cfgScale": 3}\n'),
        ("a.json", '[\n {"prompt_en": "x",\n "steps": 4, "CFG": 3}\n]'),
        ("a.json", '{"defaults": {"Steps": 4},\n "prompts": [{"positive": "x", "cfg_scale": 3.0}]}'),
        ("a.yaml", "- text: x\n  steps: 4\n  cfg: 3\n"),
        ("a.yaml", "defaults: {steps: 4}\nprompts:\n- {Prompt: x, guidance: 3}\n"),
    ],
)
def test_every_format_reads_them(clips_of, name: str, text: str) -> None:
    made = clips_of(text, name)
    (clip,) = made.clips
    assert (clip.prompt, clip.num_inference_steps, clip.guidance_scale) == ("x", 4, 3.0)
    assert any("is read as `num_inference_steps`" in note and name in note for note in made.notes)


def test_columns_of_others_are_noted_and_not_read(clips_of) -> None:
    made = clips_of("prompt,weight,notes,,filename\nx,5,good,1,cat\n", "a.csv")
    assert made.clips[0].prompt == "x"
    assert made.notes == (
        'a.csv:1: the column "weight" is not read',
        'a.csv:1: the column "notes" is not read',
        "a.csv:1: a column without a name is not read",
        'a.csv:1: the column "filename" is not read; '
        "'job.columns={filename: id}' puts it into the names of the files",
    )
    lines = '{"prompt": "x", "dimension": ["a"]}\n"z"\n{"prompt": "y", "dimension": ["b"]}\n'
    assert clips_of(lines, "a.jsonl").notes == ('a.jsonl, lines 1, 3: the column "dimension" is not read',)


def test_empty_columns_count_for_nothing(clips_of) -> None:
    made = clips_of("prompt,sampler,seed,,\nx,,3,,\ny,,4,,\n", "a.csv")
    assert [clip.seed for clip in made.clips] == [3, 4] and made.notes == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prompt,sampler\nx,euler\n", ['"sampler" is no setting of a clip', "model.scheduler.name"]),
        ("prompt,size\nx,64x64\n", ['"size" is no setting', "use `width` and `height`"]),
        ("prompt,Flow Shift\nx,3\n", ["model.scheduler.config.flow_shift", "'job.columns={flowshift: null}'"]),
        ("prompt,batch_size\nx,2\n", ["use `takes`, or `seeds`"]),
        ("prompt,guidence_scale\nx,3\n", ["did you mean `guidance_scale`", "'job.columns={guidencescale: null}'"]),
        ("prompt,widht\nx,3\n", ["did you mean `width`"]),
        ("text,caption\nx,y\n", ['both "text" and "caption" may be `prompt`', "{text: prompt, caption: null}"]),
        ("title,seed\nx,3\n", ['names no column `prompt`; it holds "title", "seed"']),
        ("prompt,frames,seconds\nx,9,1\n", ["both num_frames and seconds"]),
    ],
)
def test_what_looks_like_a_setting_is_refused_with_the_right_name(faults_of, text: str, words: list[str]) -> None:
    found = "\n".join(faults_of(text, "a.csv"))
    for word in words:
        assert word in found


def test_the_own_name_wins_over_a_synonym(clips_of) -> None:
    made = clips_of("prompt,caption,prompt_en\nx,y,z\n", "a.csv")
    assert made.clips[0].prompt == "x"
    assert made.notes[0] == 'a.csv:1: "caption" is not read, since `prompt` is there'


@pytest.mark.parametrize(
    "columns",
    [{"Titel": "prompt", "Saat": "seed", "sampler": None}, {"prompt": "Titel", "seed": "saat", "SAMPLER": None}],
)
def test_a_map_names_the_columns_in_either_direction(write, columns) -> None:
    job = read_job(write("Titel,Saat,Sampler,Steps\nx,3,euler,4\n", "a.csv"), columns=columns)
    assert job.entries[0].prompt == "x"
    assert job.entries[0].settings.values == {"seed": 3, "num_inference_steps": 4}
    lines = write('{"Titel": "x", "Saat": 3, "Sampler": "y", "Steps": 4}\n', "a.jsonl")
    assert read_job(lines, columns=columns).entries[0].settings.values == {"seed": 3, "num_inference_steps": 4}


def test_a_map_of_what_is_not_there_is_refused(write) -> None:
    with pytest.raises(JobError) as caught:
        read_job(write("prompt,seed\nx,3\n", "a.csv"), columns={"Titel": "prompt", "seed": "saat", "x": "y"})
    found = [str(fault) for fault in caught.value.faults]
    assert 'job.columns: "x" is to be read as "y", which is no field' in found[0]
    assert 'job.columns: the job has no "Titel" -> it has "prompt", "seed"' in found


def test_unknown_keys_of_yaml_stay_faults(faults_of) -> None:
    assert 'unknown key "rating"' in faults_of("prompts:\n- {prompt: x, rating: 5}\n")[0]
    assert "model.scheduler.name" in faults_of("prompts:\n- {prompt: x, sampler: euler}\n")[0]


def test_names_are_compared_by_their_letters() -> None:
    names = ["CFG scale", "cfgScale", "cfg-scale", "cfg_scale ", "CFG Scale (1-20)"]
    assert {normalised(name) for name in names} == {"cfgscale"}
    assert normalised("(x)") and normalised("--") == "--"
    assert not set(SYNONYMS) & set(FOREIGN) and not set(OWN) & (set(SYNONYMS) | set(FOREIGN))
