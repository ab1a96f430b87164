"""Extras: packages that only some commands need, and what to say where one is missing.

Each takes a part of a second to load, so they are loaded by who uses them.
"""

import importlib
from typing import Any

from airnet.errors import UnsupportedError

#: What people call a package whose module is called otherwise.
NAMES = {"distributed": "dask.distributed"}


def extra(module: str, group: str) -> Any:
    """Return a module that comes with an extra of this package, loading it.

    Args:
        module: its name, like "matplotlib.figure".
        group: the extra's, as pip has it.

    Raises:
        UnsupportedError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise UnsupportedError(
            f"{NAMES.get(package, package)} is not installed",
            f"pip install 'airnet[{group}]'",
        ) from error
