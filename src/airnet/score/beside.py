"""Beside: files of numbers that lie beside a model and are signed together with it."""

from typing import TypeVar

import msgspec

from airnet.errors import ModelError
from airnet.score.kept import File

REMEDY = "reinstall airnet, or train the model again: airnet models train"

Kind = TypeVar("Kind")


def read(path: File, kind: type[Kind]) -> Kind | None:
    """Return what a JSON file says, None where there is no file.

    Raises:
        ModelError: it cannot be read, or says something else.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error}", REMEDY) from error
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        what = f"no {kind.__name__.lower()}"
        raise ModelError(f"{path}: {what}: {error}", REMEDY) from error
