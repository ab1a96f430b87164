"""`airnet run` governed by people: undo, freeze and unfreeze, across a restart."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airnet.act.gate import Gate
from airnet.cli import main
from airnet.kernel import link
from airnet.record.file import read, verify
from airnet.record.narrative import NO_FILE
from tests.fakes.controller import FakeController
from tests.fakes.office import write_approvers, write_key
from tests.netns.lab_links import namespace, veth, wait_until
from tests.netns.test_service import ENFORCE, configure, play, running

pytestmark = [pytest.mark.root, pytest.mark.slow]
LIMIT_S = 20.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give a configured airnet on a link, with people who may speak."""
    configure(tmp_path)
    # Long enough to undo, and short enough to wait for: a restart knows what stood.
    with (tmp_path / "policy.toml").open("a") as policy:
        policy.write("ttl_ms = 15000\n")
    write_approvers(tmp_path / "approvers.toml")
    text = (tmp_path / "airnet.toml").read_text()
    (tmp_path / "airnet.toml").write_text('approvers = "approvers.toml"\n' + text)
    write_key(tmp_path / "jane.pem", "Jane Doe")
    with namespace():
        link.bring_up("lo", quiet=False)
        veth()
        yield tmp_path


def say(folder: Path, *words: str) -> tuple[int, dict[str, Any], str, float]:
    """Run a command; return its status, document, errors, and how long it took."""
    start = time.monotonic()
    config = ("--config", str(folder / "airnet.toml"))
    done = subprocess.run(
        [sys.executable, "-m", "airnet", *words, "--json", *config],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    took_s = time.monotonic() - start
    return done.returncode, json.loads(done.stdout or b"{}"), str(done.stderr), took_s


def standing(folder: Path) -> list[str]:
    return [one["id"] for one in say(folder, "actions")[1]["standing"]]


def kinds(folder: Path) -> list[str]:
    return [
        f"{one.kind}:{one.body.get('state', '')}".rstrip(":")
        for one in read(folder / "ledger")
    ]


def play_until(is_so: Callable[[], bool]) -> None:
    """Play a flood, again where a busy host lost frames of it: losses freeze."""
    for _ in range(4):
        play()
        end = time.monotonic() + LIMIT_S / 4
        while time.monotonic() < end:
            if is_so():
                return
    pytest.fail("it never became so")


def test_undo_then_freeze_then_a_restart_that_stays_frozen(folder: Path) -> None:
    with FakeController(folder / "nobody.sock") as controller:
        with running(folder) as service:
            play_until(lambda: bool(controller.standing))
            (decision,) = standing(folder)

            status, said, errors, took_s = say(folder, "undo", decision)

            assert status == 0, errors
            assert said["body"]["state"] == "rolled_back"
            assert controller.standing == {}
            assert took_s < 5.0, f"the whole command took {took_s:.2f} s"
            assert say(folder, "undo", decision)[0] == 1
            service.process.send_signal(signal.SIGUSR1)
            wait_until(lambda: bool(Gate(folder).closed()), LIMIT_S)
            assert service.end() == 0, service.log()
        with running(folder) as service:
            frozen = say(folder, "actions")[1]["frozen"]
            assert "SIGUSR1" in frozen["why"]
            play_until(lambda: "containment:withheld" in kinds(folder))
            assert controller.standing == {}

            nobody = say(folder, "unfreeze")
            key = ("--by", "Jane Doe", "--key", str(folder / "jane.pem"))
            lifted = say(folder, "unfreeze", *key)

            assert nobody[0] == 1
            assert "not signed" in nobody[2]
            assert lifted[0] == 0, lifted[2]
            assert say(folder, "actions")[1]["frozen"] is None
            assert service.end() == 0, service.log()
    assert verify(folder / "ledger").verifies
    told = kinds(folder)
    assert told.count("freeze") == 2
    assert told.index("instruction") < told.index("containment:rolled_back")


def applied(controller: FakeController) -> int:
    return sum(one["command"] == "apply" for one in controller.requests)


def withheld(folder: Path) -> list[dict[str, Any]]:
    return [
        one.body
        for one in read(folder / "ledger")
        if one.body.get("state") == "withheld"
    ]


def test_what_a_person_undid_stays_undone_while_its_cause_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Across a restart; and once it was quiet, what comes anew is contained."""
    (folder / "policy.toml").write_text(
        f"{ENFORCE}ttl_ms = 3000\n[hysteresis]\ncooldown_ms = 10000\nrepeats_max = 50\n"
    )
    with FakeController(folder / "nobody.sock") as controller:
        with running(folder) as service:
            play_until(lambda: bool(controller.standing))
            (decision,) = standing(folder)
            key = ("--by", "Jane Doe", "--key", str(folder / "jane.pem"))
            assert say(folder, "undo", decision, *key)[0] == 0
            (veto,) = say(folder, "actions")[1]["undone"]
            assert (veto["by"], veto["cause"]) == ("Jane Doe", "flood")
            before = applied(controller)

            for count in (1, 2):
                play_until(lambda least=count: len(withheld(folder)) >= least)
            assert service.end() == 0, service.log()
        with running(folder) as service:
            play_until(lambda: len(withheld(folder)) >= 3)
            assert applied(controller) == before
            assert controller.standing == {}
            wait_until(lambda: say(folder, "actions")[1]["undone"] == [], LIMIT_S)

            play_until(lambda: bool(controller.standing))
            assert service.end() == 0, service.log()
    assert all(
        str(one["detail"]).startswith("undone by Jane Doe until it has been quiet")
        for one in withheld(folder)
    )
    assert verify(folder / "ledger").verifies
    assert main(["explain", str(folder / "ledger"), "--check"]) == 0
    assert "never sent: undone by Jane Doe until" in capsys.readouterr().out


def test_the_warden_goes_when_airnet_is_killed(folder: Path) -> None:
    with running(folder) as service:
        assert say(folder, "actions")[0] == 0
        wardens = children(service.process.pid)
        assert len(wardens) == 1

        service.end(signal.SIGKILL)

    wait_until(lambda: not Path(f"/proc/{wardens[0]}").exists(), LIMIT_S)
    status, _, errors, _ = say(folder, "freeze", "--reason", "nobody home")
    assert status == 0, errors
    assert Gate(folder).closed().endswith(": nobody home")


def test_the_ledger_says_by_which_files_it_was_configured(folder: Path) -> None:
    """And whose word counts is who was listed then, for each warden of that run."""
    files = {"config": "airnet.toml", "approvers": "approvers.toml"}
    files |= {"site": "site.toml", "policy": "policy.toml"}
    was = {
        name: hashlib.sha256((folder / file).read_bytes()).hexdigest()
        for name, file in files.items()
    }
    with running(folder) as service:
        assert say(folder, "actions")[0] == 0
        (warden,) = children(service.process.pid)
        (folder / "approvers.toml").write_text("nobody reads this [")
        os.kill(warden, signal.SIGKILL)
        wait_until(lambda: warden not in children(service.process.pid), LIMIT_S)
        wait_until(lambda: bool(children(service.process.pid)), LIMIT_S)

        assert say(folder, "freeze", "--reason", "a test")[0] == 0
        assert "not signed" in say(folder, "unfreeze")[2]
        assert service.end() == 0, service.log()
    write_approvers(folder / "approvers.toml")
    with (folder / "approvers.toml").open("a") as people:
        people.write("# looked at again\n")
    with running(folder) as service:
        assert service.end() == 0, service.log()

    first, second = (one for one in read(folder / "ledger") if one.kind == "start")
    assert {name: first.body[name] for name in files} == was
    changed = {name for name in files if first.body[name] != second.body[name]}
    assert changed == {"approvers"}
    assert first.body["agents"] == NO_FILE
    assert verify(folder / "ledger").verifies


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]
