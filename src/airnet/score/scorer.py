"""Scorer, the role that turns Windows into Verdicts."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from airnet.domain.heed import Heed
from airnet.domain.verdict import Verdict

if TYPE_CHECKING:
    from airnet.score.drift import Drifts


class Scorer(Protocol):
    """Says what each Window is. Pure: same rows, same Verdicts, at any batch size."""

    def score(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
    ) -> list[Verdict]:
        """Return Verdicts of WINDOW[k] with float32[k, 64] features, in order.

        `sessions` is the SESSION table. Windows that are plainly normal give no
        Verdict; a gateway window's sources are folded into its Verdict.
        """
        ...

    def counters(self) -> dict[str, int]:
        """Return how many windows had each Cause, `normal` among them."""
        ...

    def provenance(self) -> dict[str, str]:
        """Return the model and schema hashes the ledger's first entry names."""
        ...


@runtime_checkable
class Compared(Protocol):
    """A Scorer with a kernel of its own, held against a reference while it works."""

    def kernels(self) -> dict[str, str]:
        """Return what scores each model, and why where that is the reference."""
        ...

    def compared(self) -> dict[str, int]:
        """Return how many windows both scored (checked), and how many differed."""
        ...


@runtime_checkable
class Watching(Protocol):
    """A Scorer that knows how what it judges was distributed in training."""

    def drifts(self, comps: Iterable[str]) -> tuple["Drifts", ...]:
        """Return what looks for drift; `comps` are the CompIDs of the site file."""
        ...


@runtime_checkable
class Heeding(Protocol):
    """A Scorer that holds every window against limits, whatever its models think."""

    def heed(self, heeds: Sequence[Heed]) -> None:
        """Tell of every window that is beyond one of these, from now on."""
        ...
