import pytest

from vgpipe.bench.rows import NAME, Row, Rows


def test_what_was_measured_is_read_again(tmp_path):
    row = Row(
        setting="steps=8", clip=3, seconds={"denoise": 1.5}, peak_gb=2.0, warned=("frozen",), scores={"ssim": 0.9}
    )
    Rows(tmp_path).add(row)
    assert Rows(tmp_path).find("steps=8", 3) == row
    assert Rows(tmp_path).find("steps=8", 4) is None


def test_the_last_row_of_a_place_counts(tmp_path):
    rows = Rows(tmp_path)
    rows.add(Row(setting="a", clip=0))
    rows.add(Row(setting="a", clip=0, is_compared=True))
    assert Rows(tmp_path).of("a") == {0: Row(setting="a", clip=0, is_compared=True)}


@pytest.mark.parametrize(
    "text", [b'{"setting": "b", "cl', b"\xff\x00", b'{"setting": 3}', b"[]", b'{"setting":"b","clip":"x"}']
)
def test_a_damaged_line_is_skipped_and_the_next_one_read(tmp_path, text):
    rows = Rows(tmp_path)
    rows.add(Row(setting="a", clip=0))
    with (tmp_path / NAME).open("ab") as file:
        file.write(text)
    Rows(tmp_path).add(Row(setting="a", clip=1))
    assert list(Rows(tmp_path).of("a")) == [0, 1]
