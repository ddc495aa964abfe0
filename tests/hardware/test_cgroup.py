from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.hardware.cgroup import CgroupMemory, cores, read
from vgpipe.units import GIB


def level(folder, limit, used, cache=0, *, version=2):
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.max", "memory.current", "inactive_file")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[2]} {cache}\nfile 7\n")


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own"

    def write(text):
        path.write_text(text)
        return path

    return write


def test_a_container_sees_its_limit_at_the_root(tmp_path, own):
    level(tmp_path, 8 * GIB, 3 * GIB)
    assert read(tmp_path, own("0::/\n")) == CgroupMemory(8 * GIB, 5 * GIB)


def test_the_tightest_level_above_the_process_counts(tmp_path, own):
    level(tmp_path / "user.slice", 10 * GIB, 9 * GIB)
    level(tmp_path / "user.slice/job.scope", 4 * GIB, 1 * GIB)
    level(tmp_path / "other.slice", 1 * GIB, 1 * GIB)
    found = read(tmp_path, own("0::/user.slice/job.scope\n"))
    assert found == CgroupMemory(4 * GIB, 1 * GIB)


def test_cached_file_pages_are_room(tmp_path, own):
    level(tmp_path, 8 * GIB, 7 * GIB, cache=5 * GIB)
    assert read(tmp_path, own("0::/\n")).room_bytes == 6 * GIB


def test_version_1_is_read_and_its_huge_number_is_no_limit(tmp_path, own):
    lines = own("5:cpu,cpuacct:/x\n4:memory:/docker/abc\n")
    level(tmp_path / "memory", 9223372036854771712, 5 * GIB, version=1)
    assert read(tmp_path, lines) == CgroupMemory()
    level(tmp_path / "memory/docker/abc", 6 * GIB, 2 * GIB, cache=GIB, version=1)
    assert read(tmp_path, lines) == CgroupMemory(6 * GIB, 5 * GIB)


def test_no_limit_and_no_cgroups_are_no_limit(tmp_path, own):
    level(tmp_path, "max", 5 * GIB)
    assert read(tmp_path, own("0::/\n")) == CgroupMemory()
    assert read(tmp_path / "absent", tmp_path / "absent") == CgroupMemory()


def test_a_path_of_the_host_that_a_container_cannot_see_falls_back_to_its_root(tmp_path, own):
    level(tmp_path / "inside", 8 * GIB, GIB)
    level(tmp_path, 1 * GIB, 0)
    assert read(tmp_path / "inside", own("0::/../../host/docker\n")) == CgroupMemory(8 * GIB, 7 * GIB)
    assert read(tmp_path / "inside", own("0::/system.slice/docker-abc.scope\n")) == CgroupMemory(8 * GIB, 7 * GIB)


def test_a_used_up_cgroup_has_no_room_rather_than_less_than_none(tmp_path, own):
    level(tmp_path, GIB, 2 * GIB)
    assert read(tmp_path, own("0::/\n")).room_bytes == 0


@given(st.text(), st.text())
def test_nothing_in_the_files_is_an_error(tmp_path_factory, own_text, limit_text):
    root = tmp_path_factory.mktemp("cgroup")
    (root / "own").write_text(own_text, errors="replace")
    level(root, limit_text.encode("utf-8", "replace").decode(), "5")
    found = read(root, root / "own")
    assert found.room_bytes is None or 0 <= found.room_bytes <= max(found.limit_bytes, 0)


def test_the_tightest_quota_of_processor_time_counts(tmp_path, own):
    assert cores(tmp_path, own("0::/user.slice/job.scope\n")) is None
    (tmp_path / "user.slice/job.scope").mkdir(parents=True)
    (tmp_path / "user.slice/cpu.max").write_text("250000 100000\n")
    (tmp_path / "user.slice/job.scope/cpu.max").write_text("max 100000\n")
    assert cores(tmp_path, own("0::/user.slice/job.scope\n")) == 2.5


def test_a_quota_of_version_1_is_in_two_files(tmp_path, own):
    folder = tmp_path / "cpu/docker"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    text = "4:cpu,cpuacct:/docker\n"
    assert cores(tmp_path, own(text)) is None
    (folder / "cpu.cfs_quota_us").write_text("150000\n")
    assert cores(tmp_path, own(text)) == 1.5
