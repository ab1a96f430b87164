"""Privileges: given up for good, before the first foreign byte is read.

The order follows capabilities(7): the bounding set while CAP_SETPCAP is there, the
account, then every set of the thread, then the promise that no execve(2) brings any
of them back.
"""

import contextlib
import ctypes
import os
import pwd
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from airnet.errors import ConfigError, UnsupportedError

#: Source: include/uapi/linux/prctl.h.
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
#: Source: include/uapi/linux/capability.h, _LINUX_CAPABILITY_VERSION_3.
CAPABILITY_VERSION, CAPABILITY_WORDS = 0x20080522, 6
SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")


def held() -> dict[str, int]:
    """Return this process's capability sets by their names in /proc/self/status."""
    text = Path("/proc/self/status").read_text()
    lines = (line.split() for line in text.splitlines() if line.startswith("Cap"))
    return {name.rstrip(":"): int(value, 16) for name, value in lines}


def has_any() -> bool:
    """Return whether any capability is held, or would come back by execve(2)."""
    sets = held()
    return any(sets[name] for name in SETS)


def account(name: str) -> pwd.struct_passwd:
    """Return the account that `service.user` names.

    Raises:
        ConfigError: there is none.
    """
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise ConfigError(
            f"service.user: there is no account {name}",
            f"create it (`useradd --system {name}`), or correct service.user",
        ) from None


def drop(user: pwd.struct_passwd | None) -> None:
    """Give up every capability, and root's account when `user` is given.

    Raises:
        UnsupportedError: some are still there, which a kernel must not do.
    """
    library = ctypes.CDLL(None, use_errno=True)
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last + 1):
        # Refused without CAP_SETPCAP, as under the shipped unit; then the bounding
        # set stays what the unit made it, and no_new_privs makes it harmless.
        library.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if user is not None and os.geteuid() == 0:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    library.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    library.capset(header, (ctypes.c_uint32 * CAPABILITY_WORDS)())
    library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if has_any():
        raise UnsupportedError(
            "privileges could not be given up: " + os.strerror(ctypes.get_errno()),
            "run under the shipped unit, or report this kernel",
        )


def execute(arguments: list[str], descriptors: Iterable[int]) -> NoReturn:
    """Become this program again, with other arguments and these descriptors.

    Nothing of the present process is left but its number and what is named here.

    Raises:
        UnsupportedError: the interpreter cannot be run by this account.
    """
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    sys.stdout.flush()
    with contextlib.suppress(OSError):  # what it does not take is lost
        sys.stderr.flush()
    command = [*sys.orig_argv, *arguments]
    try:
        os.execv(sys.executable, command)  # noqa: S606 -- ourselves, no shell
    except OSError as error:
        raise UnsupportedError(
            f"{sys.executable} cannot be run without privileges: {error.strerror}",
            "install airnet where the account of service.user may read it",
        ) from error
