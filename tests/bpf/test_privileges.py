"""Privileges are gone after `drop`, for this process and for what it becomes."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from airnet.errors import ConfigError
from airnet.kernel import privileges

pytestmark = pytest.mark.root
SOURCE = Path(__file__).parent.parent.parent / "src"
SAY = """
import os, sys
from airnet.kernel import privileges
def say():
    print(os.geteuid(), os.getgroups(), privileges.has_any())
    print(open("/proc/self/status").read().partition("NoNewPrivs:")[2].split()[0])
    for attempt in (lambda: os.setuid(1), lambda: os.chroot("/")):
        try:
            attempt()
            print("done")
        except PermissionError:
            print("refused")
"""
#: Gives everything up, then becomes itself again with one descriptor more.
BECOME = """
if len(sys.argv) > 1:
    print(os.read(int(sys.argv[1]), 5).decode())
    say()
else:
    reader, writer = os.pipe()
    os.write(writer, b"hello")
    privileges.drop(None)
    privileges.execute([str(reader)], [reader])
"""
LEAVE = """
privileges.drop(privileges.account("nobody"))
say()
"""


def printed(program: str) -> list[str]:
    """Return what a process that ran `program` as root printed."""
    done = subprocess.run(
        [sys.executable, "-c", SAY + program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_root_without_an_account_of_its_own_keeps_no_capability() -> None:
    """The number stays 0; what it could do does not, across execve(2)."""
    lines = printed(BECOME)

    assert lines[0] == "hello"
    assert lines[1].startswith("0 ")
    assert lines[1].endswith(" False")
    assert lines[2:] == ["1", "refused", "refused"]


def test_an_account_is_taken_and_root_is_not_to_be_had_again() -> None:
    """Users and groups change before capabilities go, or they could not."""
    nobody = pwd.getpwnam("nobody")

    lines = printed(LEAVE)

    assert lines == [
        f"{nobody.pw_uid} [{nobody.pw_gid}] False",
        "1",
        "refused",
        "refused",
    ]


def test_unknown_account_is_the_configurations_fault() -> None:
    """A name that is nobody's is told before anything is given up."""
    with pytest.raises(ConfigError, match=r"service\.user: there is no account x-y"):
        privileges.account("x-y")
