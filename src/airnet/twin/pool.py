"""Workers: one function over many things, on every core or on a Dask cluster.

What comes of each thing does not depend on who did it or when, so any number of workers
gives the same results; they arrive in any order, under their index. A local worker is a
fresh interpreter (spawn) at the end of a pipe: when it dies, however, the pipe says so,
and when its parent dies, it ends with the thing it is at.
"""

import contextlib
import itertools
import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from multiprocessing import connection, get_context
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, Protocol, Self, TypeVar

import msgspec

from airnet import __version__
from airnet.errors import AirnetError, UnsupportedError
from airnet.extras import extra

T = TypeVar("T")
R = TypeVar("R")

#: Workers on one host; beyond it nothing gets faster anywhere.
WORKERS_MAX = 1024
#: Things a cluster is handed for each of its threads before the first is answered.
AHEAD = 4
#: How long a worker that was told to end may take before it is killed.
ENDING_S = 10.0


class Answer(msgspec.Struct, Generic[R], frozen=True):
    """What came of one thing: a value, or in one line why there is none."""

    index: int
    value: R | None = None
    problem: str = ""
    trace: str = ""


class Executor(Protocol):
    """Runs a function over things and yields the answers in any order."""

    def run(
        self, function: Callable[[T], R], things: Sequence[T]
    ) -> Iterator[Answer[R]]:
        """Yield an answer for each thing."""
        ...


def attempt(function: Callable[[T], R], index: int, thing: T) -> Answer[R]:
    """Return what comes of one thing; an error becomes a line and its trace."""
    try:
        return Answer(index, function(thing))
    except AirnetError as error:
        return Answer(index, problem=str(error))
    except Exception as error:  # noqa: BLE001 -- told by whoever asked, with its trace
        line = f"{type(error).__name__}: {error}".splitlines()[0]
        return Answer(index, problem=line, trace=traceback.format_exc())


def fill(
    executor: Executor,
    play: Callable[[int], R],
    days: Sequence[int],
    finished: Container[int],
    keep: Callable[[int, R], None],
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Play the days that are not finished and keep each as it comes.

    `progress` is told how many days there are by now, and of how many.

    Returns:
        A line for each day of which nothing came: which, and why.
    """
    missing = [day for day in days if day not in finished]
    problems: list[str] = []
    done = len(days) - len(missing)
    if progress:
        progress(done, len(days))
    for answer in executor.run(play, missing):
        day = missing[answer.index]
        if answer.value is None:
            problems.append(f"day {day}: {answer.problem}")
        else:
            keep(day, answer.value)
            done += 1
        if progress:
            progress(done, len(days))
    return problems


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


class Local:
    """This host's processors; one worker is this very process.

    Within a `with` the workers stay from run to run, and with them what they keep: of
    things in the same order each goes to the same worker again, if that has time.
    """

    def __init__(self, workers: int = 0) -> None:
        self.workers = min(workers or cores(), WORKERS_MAX)
        self._crew: list[Worker] = []
        self._is_kept = False

    def __enter__(self) -> Self:
        self._is_kept = True
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_kept = False
        self.dismiss()

    def dismiss(self) -> None:
        """End the workers; the next run has new ones."""
        crew, self._crew = self._crew, []
        for worker in crew:
            worker.end()
        for worker in crew:
            worker.join()

    def run(
        self, function: Callable[[T], R], things: Sequence[T]
    ) -> Iterator[Answer[R]]:
        """Yield an answer for each thing.

        Raises:
            UnsupportedError: a worker died, of memory more often than not.
        """
        if min(self.workers, len(things)) <= 1:
            for index, thing in enumerate(things):
                yield attempt(function, index, thing)
            return
        is_whole = False
        try:
            while len(self._crew) < min(self.workers, len(things)):
                self._crew.append(Worker())
            yield from _shared_out(self._crew, function, things)
            is_whole = True
        finally:
            if not (self._is_kept and is_whole):
                self.dismiss()


class Worker:
    """A process that answers one thing at a time."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=serve, args=(theirs,), daemon=True
        )
        self.process.start()
        theirs.close()

    def give(self, function: Callable[[Any], Any], index: int, thing: object) -> None:
        """Hand one thing over."""
        with contextlib.suppress(BrokenPipeError):  # take() will say that it died
            self.pipe.send((function, index, thing))

    def take(self) -> Answer[Any]:
        """Return the answer that has come.

        Raises:
            UnsupportedError: the worker has died.
        """
        try:
            answer: Answer[Any] = self.pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            self.process.join(ENDING_S)
            raise UnsupportedError(
                f"a worker process ended by itself (status {self.process.exitcode})",
                "give it more memory or use fewer --workers; what is finished is kept",
            ) from error
        return answer

    def end(self) -> None:
        """Tell it to end; it holds nothing that must be saved."""
        self.pipe.close()
        self.process.terminate()

    def join(self) -> None:
        """Wait until it is gone."""
        self.process.join(ENDING_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def serve(pipe: connection.Connection) -> None:
    """Answer what comes through the pipe until its other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's; the parent ends us
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            function, index, thing = pipe.recv()
            pipe.send(attempt(function, index, thing))


def _shared_out(
    crew: Sequence[Worker], function: Callable[[T], Any], things: Sequence[T]
) -> Iterator[Answer[Any]]:
    """Keep every worker at one thing until there is none left.

    Each has its share of them, always the same; who is done takes from the fullest.
    """
    shares = [
        deque(range(number, len(things), len(crew))) for number in range(len(crew))
    ]
    busy: dict[object, int] = {}

    def go_on(number: int) -> None:
        share = shares[number] or max(shares, key=len)
        if share:
            index = share.popleft() if share is shares[number] else share.pop()
            crew[number].give(function, index, things[index])
            busy[crew[number].pipe] = number

    for number in range(len(crew)):
        go_on(number)
    while busy:
        for pipe in connection.wait([crew[number].pipe for number in busy.values()]):
            number = busy.pop(pipe)
            answer = crew[number].take()
            go_on(number)
            yield answer


class Cluster:
    """A Dask cluster: one that is there, or workers of this host under its scheduler.

    Needs the extra `cluster`. airnet of the same version must be installed where the
    workers run.
    """

    def __init__(
        self, scheduler: str = "", workers: int = 0, timeout_s: int = 10
    ) -> None:
        self.scheduler = scheduler
        self.timeout_s = timeout_s
        self.workers = min(workers or cores(), WORKERS_MAX)

    def run(
        self, function: Callable[[T], R], things: Sequence[T]
    ) -> Iterator[Answer[R]]:
        """Yield an answer for each thing.

        Raises:
            UnsupportedError: dask.distributed is missing, or no scheduler answers.
        """
        distributed = extra("distributed", "cluster")
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(self._client(distributed, stack))
            same_everywhere(client.get_versions(packages=["airnet"]))
            rest = iter(enumerate(things))

            def begun(count: int) -> list[Any]:
                """Hand the next things over; few at a time, however many there are."""
                return [
                    client.submit(attempt, function, index, thing, pure=False)
                    for index, thing in itertools.islice(rest, count)
                ]

            ahead = AHEAD * max(1, sum(client.nthreads().values()))
            waiting: Any = distributed.as_completed  # without annotations
            waiting = waiting(begun(ahead))
            for future in waiting:
                yield _gathered(future)
                future.release()
                waiting.update(begun(1))

    def _client(self, distributed: Any, stack: contextlib.ExitStack) -> Any:
        """Return a client of the scheduler, which for this host alone is made here."""
        if not self.scheduler:
            cluster = distributed.LocalCluster(
                n_workers=self.workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                worker_dashboard_address=None,
            )
            return distributed.Client(stack.enter_context(cluster))
        try:
            return distributed.Client(self.scheduler, timeout=f"{self.timeout_s}s")
        except (OSError, ValueError) as error:
            raise UnsupportedError(
                f"no Dask scheduler answers at {self.scheduler}: {error}",
                "start one with `dask scheduler` and name it with --scheduler",
            ) from error


def same_everywhere(told: Mapping[str, Any]) -> None:
    """See that scheduler and workers have this airnet; others would not answer alike.

    Args:
        told: what distributed's Client.get_versions says of hosts and packages.

    Raises:
        UnsupportedError: one has another version, or none.
    """
    for host, found in [("scheduler", told["scheduler"]), *told["workers"].items()]:
        version = found["packages"].get("airnet")
        if version != __version__:
            has = f"airnet {version}" if version else "no airnet"
            raise UnsupportedError(
                f"the cluster's {host} has {has}",
                f"install airnet {__version__} wherever its workers run",
            )


def _gathered(future: Any) -> Answer[Any]:
    try:
        answer: Answer[Any] = future.result()
    except Exception as error:
        raise UnsupportedError(
            f"the cluster lost a piece of work: {type(error).__name__}: {error}",
            "look at its workers' logs; run again to finish the rest",
        ) from error
    return answer
