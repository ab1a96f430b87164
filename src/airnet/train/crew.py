"""Crew: episodes made by several processes, taken in their order.

What comes out does not depend on how many there are: each episode is a function of its
seed, and the results are read one after the other.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

#: What a forked worker is asked for, by number: closures cannot be sent to it.
_WORK: list[Callable[[], Any]] = []
#: Episodes handed to a worker at a time.
CHUNK = 2


def _call(number: int) -> Any:
    return _WORK[number]()


def made(work: Sequence[Callable[[], T]], jobs: int) -> Iterator[T]:
    """Yield what each piece of work gives, in order.

    Args:
        work: functions of nothing.
        jobs: how many processes; 1: this one.
    """
    if jobs == 1:
        for one in work:
            yield one()
        return
    _WORK[:] = work
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        yield from pool.map(_call, range(len(work)), chunksize=CHUNK)
    _WORK.clear()
