"""service.configured: what is used, and what its digests are of, are the same bytes."""

import hashlib
from pathlib import Path

import pytest

from airnet.errors import ConfigError
from airnet.record.narrative import NO_FILE
from airnet.service import configured
from tests.fakes.office import approvers, write_approvers


def write(folder: Path, head: str = "") -> Path:
    """Write an airnet.toml that says `head` before it names an interface."""
    file = folder / "airnet.toml"
    file.write_text(head + '[capture]\ninterface = "eth0"\n')
    return file


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_each_digest_is_of_the_file_that_is_used(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    listed, agents = tmp_path / "people" / "approvers.toml", tmp_path / "agents.toml"
    write_approvers(listed)
    agents.write_text('certificate = "c"\nkey = "k"\nauthority = "a"\n')
    head = 'approvers = "people/approvers.toml"\nagents = "agents.toml"\n'
    file = write(tmp_path, head)

    read = configured.read(file)

    assert read.digests == {
        "config": sha256(file),
        "approvers": sha256(listed),
        "agents": sha256(agents),
    }
    assert read.approvers == approvers()
    assert read.agents is not None
    assert read.base == tmp_path


def test_one_byte_more_is_another_digest(tmp_path: Path) -> None:
    first = configured.read(write(tmp_path))
    again = configured.read(write(tmp_path))
    other = configured.read(write(tmp_path, "# a remark\n"))

    assert first.digests == again.digests
    assert first.config == other.config
    assert first.digests["config"] != other.digests["config"]


def test_what_is_not_named_has_the_digest_of_nothing(tmp_path: Path) -> None:
    read = configured.read(write(tmp_path))

    assert hashlib.sha256(b"").hexdigest() == NO_FILE
    assert read.digests["approvers"] == read.digests["agents"] == NO_FILE
    assert read.agents is None


def test_a_list_of_people_that_is_none_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, 'approvers = "approvers.toml"\n')
    with pytest.raises(ConfigError, match=r"approvers\.toml: cannot be read"):
        configured.read(file)

    (tmp_path / "approvers.toml").write_text('[[approver]]\nname = "Jane"\n')
    with pytest.raises(ConfigError, match="key"):
        configured.read(file)
