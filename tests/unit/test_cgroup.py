"""kernel.cgroup: a processor's share, by version 2's file or by version 1's."""

from pathlib import Path

import pytest

from airnet.agent.keeper import Hold, take_back
from airnet.errors import UnsupportedError
from airnet.kernel import cgroup
from airnet.kernel.cgroup import PERIOD_US, Cgroup


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the root of version 2, with one cgroup of a process in it."""
    two, one = tmp_path / "two", tmp_path / "one"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"30 25 0:26 / {two} rw,nosuid - cgroup2 cgroup2 rw\n"
        f"31 25 0:27 / {one} rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n"
    )
    monkeypatch.setattr(cgroup, "MOUNTS", mounts)
    for root in (two, one):
        (root / "algo").mkdir(parents=True)
    (two / "algo" / "cgroup.freeze").write_text("0")
    (two / "algo" / "cgroup.procs").write_text("17\n")
    return tmp_path


def test_a_share_is_a_quota_of_the_period_and_is_taken_off_again(tree: Path) -> None:
    """Source: Linux, Documentation/admin-guide/cgroup-v2, cpu.max: MAX PERIOD in us."""
    file = tree / "two" / "algo" / "cpu.max"
    file.write_text("max 100000")
    held = Cgroup("/algo")

    held.slow(5)
    slowed = file.read_text()
    assert held.cpu == (file, f"max {PERIOD_US}")  # what the keeper takes it back by
    held.unslow()

    assert slowed == f"{PERIOD_US // 20} {PERIOD_US}"
    assert file.read_text() == f"max {PERIOD_US}"


def test_version_ones_file_is_taken_where_version_two_has_none(tree: Path) -> None:
    quota = tree / "one" / "algo" / "cpu.cfs_quota_us"
    period = quota.with_name("cpu.cfs_period_us")
    quota.write_text("-1")
    period.write_text("250000")
    held = Cgroup("algo")

    held.slow(50)
    slowed = quota.read_text(), period.read_text()
    held.unslow()

    assert slowed == (str(PERIOD_US // 2), str(PERIOD_US))
    assert quota.read_text() == "-1"
    assert held.cpu == (quota, "-1")


@pytest.mark.parametrize("way", ["two", "one"])
def test_a_share_that_is_not_kept_is_said(tree: Path, way: str) -> None:
    """Whatever is written there is lost, as in a file that another one lies over."""
    folder = tree / way / "algo"
    name = "cpu.max" if way == "two" else "cpu.cfs_quota_us"
    (folder / name).symlink_to("/dev/null")
    (folder / "cpu.cfs_period_us").write_text("100000")
    held = Cgroup("algo")

    for begin_or_end in (lambda: held.slow(5), held.unslow):
        with pytest.raises(UnsupportedError, match="says otherwise"):
            begin_or_end()
    assert held.cpu is not None
    file, text = held.cpu
    assert not take_back(Hold(str(file), text, 1)), "the keeper believes it"


def test_where_there_is_neither_it_says_what_to_do(tree: Path) -> None:
    held = Cgroup("algo")

    assert held.cpu is None
    held.unslow()  # there is nothing to take off
    with pytest.raises(UnsupportedError, match="no cpu controller"):
        held.slow(5)


@pytest.mark.parametrize("path", ["", "/", "../algo", "algo/../..", "nobody"])
def test_a_cgroup_that_is_not_there_is_refused(tree: Path, path: str) -> None:
    """Nor is the root one, or what lies beside the root, whatever is in it."""
    for other in (tree / "two", tree, tree / "algo"):
        other.mkdir(exist_ok=True)
        (other / "cgroup.freeze").write_text("0")

    with pytest.raises(UnsupportedError):
        Cgroup(path)
