"""Kept: a model folder read once, so that what was compared is what is used.

To whoever reads it, it is as the folder is: `kept / NAME` is a file that can be read,
or is not there. What happens on the disk meanwhile, happens to nobody here.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from airnet.errors import ModelError

REMEDY = "reinstall airnet; what was trained here: airnet models sign --key FILE"


class KeptFile:
    """One file's bytes, None where there is no such file; its place, to speak of it."""

    def __init__(self, path: Path, data: bytes | None) -> None:
        self._path, self._data = path, data
        self.name = path.name

    def __str__(self) -> str:
        """Return where it was."""
        return str(self._path)

    def exists(self) -> bool:
        """Return whether there is such a file."""
        return self._data is not None

    def is_file(self) -> bool:
        """Return the same: nothing else is kept."""
        return self.exists()

    def read_bytes(self) -> bytes:
        """Return its bytes.

        Raises:
            FileNotFoundError: there was none.
        """
        if self._data is None:
            raise FileNotFoundError(
                errno.ENOENT, os.strerror(errno.ENOENT), str(self._path)
            )
        return self._data

    def read_text(self, encoding: str) -> str:
        """Return its text.

        Raises:
            FileNotFoundError: there was none.
            UnicodeDecodeError: it is no text.
        """
        return self.read_bytes().decode(encoding)


class Kept:
    """The files of a folder, each read once."""

    def __init__(self, path: Path, files: dict[str, bytes]) -> None:
        self._path, self._files = path, files

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read every file of a folder; of one that is not there, none.

        Raises:
            ModelError: one cannot be read.
        """
        try:
            files = {
                one.name: one.read_bytes() for one in path.iterdir() if one.is_file()
            }
        except FileNotFoundError:
            files = {}
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error}", REMEDY) from error
        return cls(path, files)

    def __str__(self) -> str:
        """Return where it was."""
        return str(self._path)

    def __truediv__(self, name: str) -> KeptFile:
        """Return one file, there or not."""
        return KeptFile(self._path / name, self._files.get(name))

    def iterdir(self) -> Iterator[KeptFile]:
        """Yield every file."""
        for name in self._files:
            yield self / name


#: Where a model is: in a folder, or read from one.
Place = Path | Kept
File = Path | KeptFile
