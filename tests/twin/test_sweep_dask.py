"""A sweep on a real Dask cluster gives the bytes that one process gives."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import little_machine as machine
import pytest

import airnet
from airnet.decide.policy import Policy
from airnet.errors import UnsupportedError
from airnet.twin import sweep
from airnet.twin.days import Season
from airnet.twin.parts import Parts
from airnet.twin.policyfile import as_enforced
from airnet.twin.pool import Cluster, Executor, Local, attempt, same_everywhere
from airnet.twin.priors import read_priors

distributed = pytest.importorskip(
    "distributed", reason="dask.distributed is not installed (extra cluster)"
)
pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra twin)")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Start a scheduler and two worker processes on loopback."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        worker_dashboard_address=None,
    ) as made:
        yield made


def swept(place: Path, executor: Executor) -> str:
    """Sweep a few days and return the hash of all that was written."""
    season = Season(
        play=machine.play,
        policy=as_enforced(Policy()),
        priors=read_priors(None),
        cases=machine.CASES,
        all_cases=machine.CASES,
        is_every=True,
    )
    parts = Parts(place, sweep.identity(season, "machine"))
    found = sweep.run(season, 7, parts, executor)
    assert found.days == 7
    whole = hashlib.sha256()
    for path in sorted(place.rglob("*.*")):
        whole.update(path.relative_to(place).as_posix().encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def test_a_cluster_gives_the_same_bytes(tmp_path: Path, cluster: Any) -> None:
    """Two workers under a scheduler that was there before, and one process alone."""
    executor = Cluster(cluster.scheduler_address)

    assert swept(tmp_path / "dask", executor) == swept(tmp_path / "one", Local(1))


def test_both_workers_work_and_errors_come_back(cluster: Any) -> None:
    """The scheduler hands work to both; an error is that thing's answer, no more."""
    executor = Cluster(cluster.scheduler_address)
    pids = {answer.value for answer in executor.run(machine.whose, list(range(40)))}
    answers = {one.index: one for one in executor.run(machine.twelfth, [3, 0, 4])}

    assert len(pids) == 2
    assert os.getpid() not in pids
    assert [answers[n].value for n in range(3)] == [4, None, 3]
    assert answers[1].problem.startswith("ZeroDivisionError")
    assert "twelfth" in answers[1].trace
    assert attempt(machine.twelfth, 0, 3).value == 4


@pytest.mark.parametrize("host", ["scheduler", "tcp://there:1"])
def test_another_airnet_on_the_cluster_is_told(host: str) -> None:
    """A worker of another version would give other rows, or none at all."""
    told = {
        "scheduler": {"packages": {"airnet": airnet.__version__}},
        "workers": {"tcp://there:1": {"packages": {"airnet": airnet.__version__}}},
    }
    same_everywhere(told)
    place = told["workers"] if host in told["workers"] else told
    place[host] = {"packages": {"airnet": None}}
    with pytest.raises(UnsupportedError, match=f"{host} has no airnet") as caught:
        same_everywhere(told)
    assert airnet.__version__ in str(caught.value)
    place[host] = {"packages": {"airnet": "0.0.1"}}
    with pytest.raises(UnsupportedError, match=r"has airnet 0\.0\.1"):
        same_everywhere(told)


def test_no_scheduler_is_told_in_a_line() -> None:
    """Nobody listens there: what was asked for, and what to do."""
    with pytest.raises(UnsupportedError, match="no Dask scheduler answers") as caught:
        list(Cluster("tcp://127.0.0.1:9", timeout_s=2).run(machine.whose, [1]))
    assert "dask scheduler" in str(caught.value)
