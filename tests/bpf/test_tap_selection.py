"""tap.bpf.c selects exactly as ext/selection.pyx does, frame by frame."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from airnet._ext.selection import SKETCH_WORDS, SUMMARY_WORDS, TABLE_WORDS
from airnet.capture.selection import Selection, ignored
from airnet.domain.frame import FRAME, LINK_ETHERNET
from airnet.errors import UnsupportedError
from airnet.kernel import bpf
from tests.fakes.strangers import WATCHED, frames

pytestmark = pytest.mark.root
ORDER = Selection(mode="order", addresses=WATCHED, ports=(9876,), seed=7)
#: AIRNET_TAP_*: a wanted frame ends at `no_socket` here, an unwanted at `ignored`.
SEEN, NO_SOCKET, IGNORED = 0, 2, 4
CPUS = bpf.possible_cpu_count()


class Tap:
    """The loaded program, told what to watch, with its tables mapped."""

    def __init__(self, loaded: bpf.Object) -> None:
        table = bpf.mapped(loaded.map_fd("selection"), TABLE_WORDS, writable=True)
        table[:] = ORDER.selector().table()
        self.program = loaded.program("tap")
        self.counters = bpf.mapped(loaded.map_fd("counters"), 16 * CPUS)
        words = SUMMARY_WORDS * CPUS
        self.summaries = bpf.mapped(loaded.map_fd("summaries"), words, writable=True)
        words = SKETCH_WORDS * CPUS
        self.sketches = bpf.mapped(loaded.map_fd("sketches"), words, writable=True)

    def clear(self) -> None:
        self.summaries[:] = 0
        self.sketches[:] = 0

    def count(self, index: int) -> int:
        return int(self.counters.reshape(-1, 16)[:, index].sum())


@pytest.fixture(scope="module")
def tap() -> Iterator[Tap]:
    entries = dict.fromkeys(("counters", "summaries", "sketches"), CPUS)
    try:
        loaded = bpf.Object("tap", entries=entries)
    except UnsupportedError as error:
        pytest.skip(str(error))
    with loaded:
        yield Tap(loaded)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(given=st.lists(frames().filter(lambda one: len(one) >= 14), max_size=20))
def test_kernel_and_user_space_select_equally(tap: Tap, given: list[bytes]) -> None:
    """The same frames are taken; summary and sketch are the same to the cell."""
    tap.clear()
    selector = ORDER.selector()
    for data in given:
        row = np.zeros(1, FRAME)
        row["captured_bytes"] = row["wire_bytes"] = len(data)
        row["link"] = LINK_ETHERNET
        taken = selector.select_batch(row, 1, np.frombuffer(data, np.uint8))
        before = tap.count(SEEN), tap.count(NO_SOCKET), tap.count(IGNORED)

        action, _ = tap.program.test_run(data)

        assert action == bpf.XDP_DROP
        assert tap.count(SEEN) == before[0] + 1
        assert tap.count(NO_SOCKET) == before[1] + taken
        assert tap.count(IGNORED) == before[2] + 1 - taken
    sketch = tap.sketches.reshape(-1, SKETCH_WORDS).sum(axis=0)
    assert ignored(tap.summaries) == ignored(selector.summary())
    assert (sketch == selector.sketch()).all()
