"""Windows as they close, slow and obvious: reference of ext/gather.pyx."""

import numpy as np
from numpy.typing import NDArray

from airnet.domain.session import SESSION
from airnet.domain.window import OF_SESSIONS, WINDOW

#: The fields of a SESSION that say who it is, and what it is now.
NAMED = (SESSION.names or ())[(SESSION.names or ()).index("client") :]


class Gather:
    """Keeps windows in lists, and a session's row whenever another one is shown."""

    def __init__(self, sessions: NDArray[np.void]) -> None:
        self.sessions = sessions
        self.windows: list[bytes] = []
        self.rows: list[list[float]] = []
        self.batches: list[int] = []
        self.names: list[tuple[int, int, bytes]] = []
        self.known: dict[int, bytes] = {}

    def take(self, windows: NDArray[np.void], rows: NDArray[np.float32]) -> None:
        """Take what closed together; nothing is no batch."""
        for window, row in zip(windows, rows, strict=True):
            if window["kind"] in OF_SESSIONS:
                self._note(int(window["subject"]))
            self.windows.append(window.tobytes())
            self.rows.append(row.tolist())
        if len(windows):
            self.batches.append(len(self.windows))

    def _note(self, subject: int) -> None:
        session = self.sessions[subject]
        named = b"".join(session[name].tobytes() for name in NAMED)
        # A row that nobody has is as if it were noted already.
        if self.known.get(subject, bytes(len(named))) != named:
            self.known[subject] = named
            self.names.append((subject, len(self.windows), session.tobytes()))

    def gathered(
        self,
    ) -> tuple[bytes, list[list[float]], list[int], bytes, list[int], list[int]]:
        """Return everything, as the kernel does."""
        return (
            b"".join(self.windows),
            self.rows,
            self.batches,
            b"".join(raw for *_, raw in self.names),
            [subject for subject, *_ in self.names],
            [since for _, since, _ in self.names],
        )


def window(kind: int, subject: int, close_ns: int) -> np.void:
    """Return a WINDOW."""
    made: np.void = np.zeros(1, WINDOW)[0]
    made["kind"], made["subject"], made["close_ns"] = kind, subject, close_ns
    return made
