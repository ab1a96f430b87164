"""Scorer, the role that turns Windows into Verdicts."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from airnet.domain.verdict import Verdict


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
