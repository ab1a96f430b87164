"""Files that are there whole or not at all, also after a kill or a power cut."""

import contextlib
import os
from pathlib import Path


def put(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file in place of what is there, and return once the disk has it.

    It is written beside its place first; whoever reads sees the old one or the new.

    Raises:
        OSError: there is no room, or no leave; what was there still is.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    settle(path.parent)


def settle(directory: Path) -> None:
    """Return once the disk has the names in a directory."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
