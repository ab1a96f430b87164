"""The sensor's two halves: one attaches with privileges, one works with none.

They are one process: the first becomes the second by execve(2), so that nothing of it
is left but the descriptors of what it attached, and no supervisor has to be trusted.
"""

from pathlib import Path
from typing import NoReturn

import msgspec

from airnet.capture.attached import Attached, from_json
from airnet.capture.interface import attach_interface
from airnet.config import Config, Site, load
from airnet.errors import UnsupportedError
from airnet.kernel import privileges
from airnet.service.guardpost import attach_guard

#: The option of `airnet run` by which the second half knows itself.
OPTION = "--attached"
#: The option by which it is told of the guard, if there is one.
GUARDED = "--guarded"


def begin(config: Config, base: Path) -> NoReturn:
    """Attach to mirror port and guard, give every privilege up, become the worker.

    Relative paths of the configuration are under `base`; the site it names says what
    is order traffic.

    Raises:
        CaptureError: no such interface, or somebody else holds it.
        ConfigError: `service.user` is no account, or the site cannot be read.
        UnsupportedError: this host cannot do what was asked.
    """
    name = config.service.user
    user = privileges.account(name) if name else None
    site = load(base / config.site, Site) if config.site else Site()
    attached = attach_interface(config.capture, site)
    guarded = attach_guard(config.guard)
    privileges.drop(user)
    arguments = [OPTION, attached.to_json().decode()]
    descriptors = list(attached.descriptors())
    if guarded is not None:
        arguments += [GUARDED, msgspec.json.encode(guarded).decode()]
        descriptors += guarded.descriptors.values()
    privileges.execute(arguments, descriptors)


def handed_over(text: str) -> Attached:
    """Return what the first half attached; the privileges must be gone by now.

    Raises:
        CaptureError: nothing was handed over.
        UnsupportedError: this process could still do harm.
    """
    attached = from_json(text.encode())
    if privileges.has_any():
        raise UnsupportedError(
            "the worker still holds capabilities", "let `airnet run` start it"
        )
    return attached
