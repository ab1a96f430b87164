"""Arrays: numpy for those who mostly do without, loaded when it is first needed.

Loading it takes longer than a short capture's frames take to become features, and who
only counts those rows looks into none (ADR 0019).
"""

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    Dtype = np.dtype[np.void]


def as_array(rows: memoryview) -> "NDArray[Any]":
    """Return rows as an array of the same memory; its layout takes 0.1 ms to read."""
    found: NDArray[Any] = _numpy().asarray(rows)
    return found


def late_dtypes(
    module: "dict[str, Any]", fields: "dict[str, list[Any]]"
) -> "Callable[[str], Dtype]":
    """Return a module's `__getattr__`, which makes a dtype when first asked for it.

    Args:
        module: its globals, where a dtype is kept once made.
        fields: of each dtype, by its name.
    """

    def made(name: str) -> "Dtype":
        if name not in fields:
            raise AttributeError(f"module {module['__name__']} has no {name}")
        dtype: Dtype = _numpy().dtype(fields[name])
        module[name] = dtype
        return dtype

    return made


def _numpy() -> "Any":
    """Return the module numpy."""
    import numpy as np  # noqa: PLC0415 -- 0.05 s, and who counts rows needs none

    return np
