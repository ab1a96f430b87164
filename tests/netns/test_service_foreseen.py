"""`airnet run` with what is foreseen: done before it is decided, never while frozen."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airnet.bench import guardtalk, guardtrial
from airnet.cli import main
from airnet.decide.enough import FLOODS_AT_ONCE
from airnet.kernel import guard
from airnet.twin.wire import Host
from tests.netns.lab_links import MIRROR, sender, wait_until
from tests.netns.test_service import (
    METRICS_PORT,
    configure,
    decided,
    running,
    scrape,
)
from tests.netns.test_service_guard import PEER, PORT, contained, ports, standing

pytestmark = [pytest.mark.root, pytest.mark.slow]
__all__ = ["ports"]
VENUES = [Host(ip=one, mac=b"\2" * 6) for one in guardtalk.GATEWAYS]
Send = Callable[[bytes], int]


def flooded(both: tuple[Send, Send], number: int, until: Callable[[], bool]) -> bool:
    """Flood as one stranger until something is true; whether it came about."""
    due = end = time.monotonic() + 0.5
    due -= 0.5
    for frame in guardtalk.strange(number):
        for send in both:
            send(frame)
        due += 0.0001
        while time.monotonic() < due:
            pass
        if until():
            return True
        if due > end:
            return False
    return False


def trade(
    both: tuple[Send, Send], frames: "itertools.chain[bytes]", count: int
) -> None:
    """Let sessions trade, a message a millisecond."""
    for frame in itertools.islice(frames, count):
        for send in both:
            send(frame)
        time.sleep(0.001)


def replayed(folder: Path) -> bytes:
    """Return the Decisions of the run's own recording, of which nothing is foreseen."""
    again = folder / "again.jsonl"
    command = ["replay", str(folder / "mirror.pcapng"), "--decisions", str(again)]
    for name in ("site", "policy"):
        command += [f"--{name}", str(folder / f"{name}.toml")]
    assert main(command) == 0
    return again.read_bytes()


def test_floods_are_held_back_as_foreseen_and_not_while_frozen(
    ports: guard.KernelGuard, tmp_path: Path
) -> None:
    configure(
        tmp_path,
        capture='record = "mirror.pcapng"',
        service=f"metrics_port = {METRICS_PORT}",
    )
    with (tmp_path / "airnet.toml").open("a") as file:
        file.write(f'[guard]\ninterface = "{PORT}"\n')
    names = ", ".join(f'"{name}"' for name in FLOODS_AT_ONCE)
    (tmp_path / "policy.toml").write_text(
        guardtrial.POLICY.format(many=64, at_once=names)
    )
    (tmp_path / "site.toml").write_text(
        "".join(f'[[gateway]]\nip = "{one.ip}"\nport = 9878\n' for one in VENUES)
    )
    talk = itertools.chain(guardtalk.talk(VENUES))
    with (
        running(tmp_path) as service,
        sender(MIRROR) as mirror,
        sender(PEER) as port,
    ):
        both = mirror, port
        for number in range(40):
            trade(both, talk, 60 if number else 3000)
            assert flooded(both, number, lambda: standing(ports) > 0)
            wait_until(lambda: standing(ports) == 0)
            for frame in itertools.islice(guardtalk.refusals(number), 100):
                mirror(frame)
            # On a busy host the judge may be first, again and again.
            metrics = scrape()
            if number > 2 and metrics["airnet_guard_foreseen_total"]:
                break
        (tmp_path / "frozen").touch()
        trade(both, talk, 60)
        assert not flooded(both, 50, lambda: standing(ports) > 0)
        wait_until(lambda: contained(tmp_path)[-1]["state"] == "withheld")
        assert service.end() == 0, service.log()

    said = [str(one["detail"]) for one in contained(tmp_path)]
    assert metrics["airnet_guard_foreseen_total"] >= 1
    assert metrics["airnet_guard_foreseen_wrongly_total"] == 0
    assert sum(one.endswith("as foreseen") for one in said) >= 1
    assert replayed(tmp_path) == decided(tmp_path) != b""
    assert list(ports.intents[:4]) == [0, 0, 0, 0], "an intent that nobody settled"
    assert list(ports.intents[-4096:-4092]) == [0, 0, 0, 0], "a shot nobody settled"
