"""`airnet run` with a guard on a real link: what it holds back, across its deaths."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from airnet.act.intentlog import IntentLog
from airnet.bench.guardtalk import CLIENTS, talk
from airnet.bench.trials import GATEWAY
from airnet.cli import main
from airnet.clock import SystemClock
from airnet.domain.decision import Decision
from airnet.kernel import guard, link
from airnet.record.file import read, verify
from airnet.score import load
from airnet.service.rehearsal import Rehearsal
from airnet.shipped import models_path
from airnet.twin.traffic import generate
from tests.bpf.test_guard import tcp
from tests.netns.lab_links import CAPTURE, MIRROR, namespace, sender, veth, wait_until
from tests.netns.test_service import (
    FLOOD,
    METRICS_PORT,
    configure,
    decided,
    running,
    scrape,
    small_disk,
)

pytestmark = [pytest.mark.root, pytest.mark.slow]
#: Pins are the host's, not the namespace's: nobody else's port has this name.
PORT = f"g{os.getpid()}"
PEER = f"p{os.getpid()}"


@pytest.fixture
def ports() -> Iterator[guard.KernelGuard]:
    """Give a mirror, a guarded port beside it, and eyes on that one's guard."""
    with namespace():
        link.bring_up("lo", quiet=False)
        veth()
        command = f"ip link add {PEER} type veth peer name {PORT}"
        subprocess.run(command.split(), check=True)
        for name in (PEER, PORT):
            link.bring_up(name, quiet=True)
        found = guard.guard_interface(PORT)
        try:
            yield found
        finally:
            found.close()
            guard.remove(PORT)


def configure_guard(folder: Path, service: str = "") -> None:
    configure(folder, service=service)
    with (folder / "airnet.toml").open("a") as file:
        file.write(f'[guard]\ninterface = "{PORT}"\n')


def flood(until: float = 1.6) -> None:
    """Send the flood's first seconds at their own pace, to mirror and guard."""
    frames = generate("syn_flood", 5, params=FLOOD).frames
    start_ns, first_ns = time.monotonic_ns(), frames[0][0]
    with sender(MIRROR) as mirror, sender(PEER) as port:
        for time_ns, data in frames:
            if time_ns - first_ns > until * 1e9:
                break
            while time.monotonic_ns() - start_ns < time_ns - first_ns:
                pass
            mirror(data)
            with contextlib.suppress(OSError):
                port(data)


def contained(folder: Path) -> list[dict[str, object]]:
    """Return what the ledger says of containments."""
    return [one.body for one in read(folder / "ledger") if one.kind == "containment"]


def standing(eyes: guard.KernelGuard) -> int:
    """Return how many rules hold now."""
    now_ns = time.monotonic_ns()
    tables = eyes.sources, eyes.sessions, eyes.gateways
    rules = (rule for table in tables for _, rule in eyes.rules(table))
    return sum(rule.until_ns > now_ns for rule in rules)


def holding(eyes: guard.KernelGuard) -> set[int]:
    """Return of which Decisions rules hold now."""
    now_ns = time.monotonic_ns()
    tables = eyes.sources, eyes.sessions, eyes.gateways
    rules = (rule for table in tables for _, rule in eyes.rules(table))
    return {rule.decision for rule in rules if rule.until_ns > now_ns}


def test_a_flood_ends_at_the_guard(ports: guard.KernelGuard, tmp_path: Path) -> None:
    """Held back where it comes in, on the record, and nobody else with it."""
    configure_guard(tmp_path, f"metrics_port = {METRICS_PORT}")
    with running(tmp_path) as service:
        flood()
        wait_until(lambda: bool(contained(tmp_path)))
        metrics = scrape()
        status = service.end()
        assert status == 0, service.log()
        assert "Traceback" not in service.log()

    counts = ports.counts()
    sources = {
        line["target"][0]
        for line in map(json.loads, decided(tmp_path).splitlines())
        if line["action"] == "drop_sources"
    }
    kinds = [one.kind for one in read(tmp_path / "ledger")]
    first = contained(tmp_path)[0]
    assert counts["source"] > 0
    assert metrics['airnet_guard_frames_total{end="source"}'] > 0
    assert metrics["airnet_guard_reflexes_total"] >= 1
    assert metrics["airnet_guard_enforcing"] == 1
    assert first["actuator"] == "guard"
    assert first["state"] == "applied"
    assert kinds.index("decision") < kinds.index("containment")
    assert verify(tmp_path / "ledger").verifies
    refused = {bytes(key[-4:]) for key, rule in ports.rules(ports.sources)}
    assert refused <= {socket.inet_aton(one) for one in sources}
    assert list(ports.intents[:4]) == [0, 0, 0, 0], "an intent that nobody settled"


def test_kill_9_and_again(ports: guard.KernelGuard, tmp_path: Path) -> None:
    """Held back goes on being held back; the next one adopts it, and adds nothing."""
    configure_guard(tmp_path)
    with running(tmp_path) as service:
        flood()
        wait_until(lambda: bool(contained(tmp_path)))
        assert service.end(signal.SIGKILL) == -signal.SIGKILL
    # It may have been killed between a rule and its record: that one is taken back.
    before = holding(ports)
    recorded = {
        int(line["decision_id"][:16], 16)
        for line in contained(tmp_path)
        if line["state"] == "applied"
    }
    assert recorded
    assert recorded <= before

    orphan = guard.Rule(until_ns=time.monotonic_ns() + 10**12, decision=77)
    ports.sources.update(guard.prefix_key("192.0.2.77"), orphan.packed())
    with running(tmp_path) as service:
        assert recorded <= holding(ports) <= before
        assert service.end() == 0, service.log()

    ids = [
        one.body["id"] for one in read(tmp_path / "ledger") if one.kind == "decision"
    ]
    assert len(ids) == len(set(ids))
    assert "reconciled" in [one.kind for one in read(tmp_path / "ledger")]
    assert verify(tmp_path / "ledger").verifies


def test_an_intent_that_never_reached_the_ledger(
    ports: guard.KernelGuard, tmp_path: Path
) -> None:
    """Killed between rule and ledger: it is recorded, and taken back."""
    configure_guard(tmp_path)
    with running(tmp_path) as service:
        flood()
        wait_until(lambda: bool(contained(tmp_path)))
        assert service.end(signal.SIGKILL) == -signal.SIGKILL
    before = standing(ports)
    body = next(one.body for one in read(tmp_path / "ledger") if one.kind == "decision")
    late = msgspec.structs.replace(msgspec.convert(body, Decision), id="ab" * 16)
    IntentLog(ports.intents).write(msgspec.json.encode((late, None)))
    rule = guard.Rule(until_ns=time.monotonic_ns() + 10**12, decision=int("ab" * 8, 16))
    ports.sources.update(guard.prefix_key("192.0.2.78"), rule.packed())

    with running(tmp_path) as service:
        assert standing(ports) == before
        assert service.end() == 0, service.log()

    told = [one for one in contained(tmp_path) if one["decision_id"] == "ab" * 16]
    assert [one["state"] for one in told] == ["rolled_back"]


def test_nothing_stands_that_cannot_be_recorded(
    ports: guard.KernelGuard, tmp_path: Path
) -> None:
    """The fast lane acts before the ledger; a ledger without room takes it back."""
    with small_disk(tmp_path / "small", 64):
        configure_guard(tmp_path, 'ledger = "small/ledger"')
        with running(tmp_path) as service:
            with (
                contextlib.suppress(OSError),
                (tmp_path / "small/rest").open("wb") as file,
            ):
                while True:
                    file.write(bytes(4096))
                    file.flush()
            flood()

            assert service.wait() == 1, service.log()

        assert standing(ports) == 0
        (tmp_path / "small/rest").unlink()


def test_the_operator_sees_it_and_switches_it_off(
    ports: guard.KernelGuard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside airnet or without it: only what the program reads is written."""
    configure_guard(tmp_path)
    rule = guard.rate(500, 4, time.monotonic_ns() + 10**12)
    ports.sources.update(guard.prefix_key("198.51.100.0/24"), rule.packed())
    session = guard.flow_key("10.0.1.1", 40_001, "10.0.0.10", 9878)
    ports.sessions.update(session, rule.packed())
    ports.gateways.update(guard.gateway_key("2001:db8::1", 0), rule.packed())
    command = ["guard", "status", "--json", "--config", str(tmp_path / "airnet.toml")]

    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert main([*command[:1], "off", *command[2:]]) == 0
    assert not ports.is_on
    assert not json.loads(capsys.readouterr().out)["is_on"]
    assert main([*command[:1], "on", *command[3:]]) == 0
    assert ports.is_on
    assert "guard on" in capsys.readouterr().out

    assert [(one["of"], one["what"]) for one in told["rules"]] == [
        ("session", "10.0.1.1 port 40001 to 10.0.0.10 port 9878"),
        ("source", "198.51.100.0/24"),
        ("gateway", "2001:db8::1 port any"),
    ]
    assert {one["frames_per_second"] for one in told["rules"]} == {500}
    assert told["is_on"]
    assert told["is_attached"]
    assert main([*command[:1], "remove", *command[3:]]) == 0
    assert main(command) == 69


def test_lint_and_run_refuse_the_mirror_as_guarded_port(
    ports: guard.KernelGuard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(tmp_path)
    with (tmp_path / "airnet.toml").open("a") as file:
        file.write(f'[guard]\ninterface = "{CAPTURE}"\n')

    assert main(["lint", str(tmp_path / "airnet.toml")]) == 78
    assert "guard.interface" in capsys.readouterr().out


def test_a_rehearsal_touches_nothing_that_counts(
    ports: guard.KernelGuard, tmp_path: Path
) -> None:
    """It comes to a rule each time; none holds, and no counter of ours moves."""
    scorer = load(models_path())
    rehearsal = Rehearsal(scorer, ports, SystemClock())
    before = scorer.counters(), ports.counts()

    for number in range(1, 20):
        rehearsal.go()
        assert rehearsal.rules == number
        assert standing(ports) == 0

    arms = scorer.arms()
    assert arms is not None
    rehearsal.load(arms, os.fsencode(tmp_path / "frozen"))
    for number in range(1, 20):
        for part in rehearsal.parts():
            part()
            assert standing(ports) == 0
        assert arms.counts == (number, 0)
        assert arms.shot is None
    assert rehearsal.rules > 20

    assert (scorer.counters(), ports.counts()) == before
    assert list(ports.sources.keys()) == []
    assert list(ports.intents[:4]) == [0, 0, 0, 0]


def test_a_flood_in_a_firms_name_cuts_no_session_of_it(
    ports: guard.KernelGuard, tmp_path: Path
) -> None:
    """Sources made up, the firms' own addresses among them: sessions go on, whole."""
    configure_guard(tmp_path)
    (tmp_path / "site.toml").write_text(
        f'[[gateway]]\nip = "{GATEWAY.ip}"\nport = {GATEWAY.port}\n'
    )
    firms = [f"10.9.0.{20 + n}" for n in range(CLIENTS)]
    trade, traded, refused = talk(), 0, 0

    def held() -> int:
        counts = ports.counts()
        return counts["source"] + counts["session"] + counts["unknown"]

    with running(tmp_path) as service, sender(MIRROR) as mirror, sender(PEER) as port:
        start = time.monotonic()
        number, due = 0, start
        while (now := time.monotonic()) < start + 9 and not (
            ports.counts()["unknown"] > 2000 and traded > 3000
        ):
            if now >= due:
                due = now + 0.001
                frame, before = next(trade), held()
                for send in (mirror, port):
                    send(frame)
                traded += 1
                refused += held() - before
            if now < start + 3:
                continue
            number += 1
            forged = f"198.51.{number >> 8 & 255}.{number & 255}"
            source = firms[number % CLIENTS] if number % 3 else forged
            flood = tcp(source, 1024 + number % 60_000, GATEWAY.ip, GATEWAY.port)
            for send in (mirror, port):
                send(flood)
        assert service.end() == 0, service.log()

    actions = {json.loads(one)["action"] for one in decided(tmp_path).splitlines()}
    assert "rate_limit_sources" in actions
    assert ports.counts()["unknown"] > 2000, "the flood is not held back"
    assert refused == 0, f"{refused} of {traded} frames of sessions"
    blamed = {str(key[-4:]) for key, _ in ports.rules(ports.sources)}
    assert blamed.isdisjoint(str(socket.inet_aton(one)) for one in firms)
