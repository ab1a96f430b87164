"""Governing a running airnet: its socket, its warden, its people, from outside."""

import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.shell_completion import ShellComplete

from airnet.act.gate import FROZEN, Gate
from airnet.act.people import Approvers, People
from airnet.act.sdn import SdnActuator
from airnet.act.standing import Standing
from airnet.cli.group import airnet
from airnet.clock import SystemClock
from airnet.domain.instruction import Ask, Signed
from airnet.errors import UnsupportedError
from airnet.record.file import verify
from airnet.record.memory import MemoryLedger
from airnet.service.ask import ask
from airnet.service.desk import Desk
from airnet.service.talk import Answer, Passed
from tests.fakes.controller import FakeController
from tests.fakes.office import Office, instruct, signed
from tests.fakes.verdicts import drop

LIMIT_S = 20.0


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with Office(tmp_path) as made:
        yield made


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.005)


def say(office: Office, what: Ask, subject: str = "", by: str = "Jane Doe") -> Answer:
    """Say something signed."""
    return ask(office.socket, what, signed(what, subject, by, office.clock.now_ns()))


def plainly(office: Office, what: Ask, subject: str = "", by: str = "desk") -> Answer:
    """Say something that nobody signed."""
    one = instruct(what, subject, by, at_ns=office.clock.now_ns())
    return ask(office.socket, what, Signed(instruction=one))


def listed(office: Office) -> dict[str, Any]:
    """Return what `airnet actions` shows."""
    return ask(office.socket, Ask.ACTIONS).body


def raw(office: Office, data: bytes) -> bytes:
    """Send bytes and return what comes back until it hangs up."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(LIMIT_S)
        channel.connect(str(office.socket))
        channel.sendall(data)
        whole = b""
        while part := channel.recv(65_536):
            whole += part
    return whole


def test_what_stands_waits_and_ended_is_listed(office: Office) -> None:
    stands = office.decide()
    waits = office.propose(2)
    until(lambda: len(listed(office)["proposed"]) == 1)

    shown = listed(office)

    assert [one["id"] for one in shown["standing"]] == [stands.id]
    (proposed,) = shown["proposed"]
    assert (proposed["id"], proposed["needed"]) == (waits.id, 2)
    assert shown["frozen"] is None
    assert office.levers.calls == [("apply", stands.id)]


def test_what_is_tried_again_is_listed_and_can_be_undone(office: Office) -> None:
    office.levers.fails = {"apply"}
    decision = office.decide()
    until(lambda: bool(listed(office)["retried"]))
    (shown,) = listed(office)["retried"]

    answer = plainly(office, Ask.UNDO, decision.id, "desk")

    assert (shown["id"], shown["state"]) == (decision.id, "failed")
    assert "tried again" in shown["detail"]
    assert answer.ok, answer
    assert answer.body["state"] == "rolled_back"
    after = listed(office)
    assert after["retried"] == after["standing"] == []
    (veto,) = after["undone"]
    assert veto["by"] == "desk"
    assert decision.id not in office.standing.attempts


def test_undo_lets_go_at_once_and_says_who_and_why(office: Office) -> None:
    decision = office.decide()
    until(lambda: bool(listed(office)["standing"]))

    answer = plainly(office, Ask.UNDO, decision.id, "desk")

    assert answer.ok, answer
    assert answer.what == "released by desk: a test"
    assert office.levers.calls[-1] == ("release", decision.id)
    assert office.kinds()[-2:] == ["instruction", "containment:rolled_back"]
    told = [one for one in office.ledger.evidence() if one.kind == "instruction"]
    assert told[-1].body["by"] == "desk"
    assert told[-1].body["uid"] == os.getuid()


def test_undo_at_the_enforcer_p99_is_below_100_ms(office: Office) -> None:
    """From the socket's first byte to the release, a hundred times."""
    taken = []
    for n in range(100):
        decision = office.decide(n=n)
        until(lambda one=decision: office.standing.outcome(one.id) is not None)
        began_ns = office.clock.mono_ns()
        assert plainly(office, Ask.UNDO, decision.id).ok
        taken.append(office.levers.released_ns[decision.id] - began_ns)

    taken.sort()
    assert taken[98] < 100_000_000, f"p99 {taken[98] / 1e6:.1f} ms"


def test_an_undo_and_the_capture_do_not_wait_for_a_queue_behind_a_hung_switch(
    tmp_path: Path,
) -> None:
    """A dozen commands, each of which takes its time-out and a release's."""
    with FakeController(tmp_path / "controller", "silent") as controller:
        hanging = SdnActuator(tmp_path / "controller", timeout_ms=250)
        with Office(tmp_path, [hanging]) as office:
            stands = office.decide()
            until(lambda: bool(listed(office)["standing"]))
            now_ns = office.clock.now_ns()
            end_ns = now_ns + 30_000_000_000
            queued = [
                drop(f"198.51.100.{n}", t_ns=now_ns, until_ns=end_ns) for n in range(12)
            ]
            for one in queued:
                office.hands.carry_out(one, None)
            until(controller.got_request.is_set)
            began_ns = office.clock.mono_ns()

            for _ in range(5000):
                office.hands.observe(stands.id, 0, now_ns)
            observed_ns = office.clock.mono_ns()
            answer = plainly(office, Ask.UNDO, stands.id)
            undone_ns = office.clock.mono_ns()
            is_queued = office.standing.outcome(queued[-1].id) is None
            beat_ns = office.hands.beat_ns
            until(lambda: office.hands.beat_ns > beat_ns)
            hanging.close()

            assert answer.ok, answer
            assert is_queued, "the queue was over: nothing was tested"
            assert observed_ns - began_ns < 200_000_000
            assert office.hands.left_out
            assert undone_ns - began_ns < 2_000_000_000
            until(lambda: office.standing.outcome(queued[-1].id) is not None)


def test_two_undo_at_once_release_once(office: Office) -> None:
    decision = office.decide()
    until(lambda: bool(listed(office)["standing"]))
    one = instruct(Ask.UNDO, decision.id, "desk", at_ns=office.clock.now_ns())
    line = msgspec.json.encode({"ask": "undo", "signed": Signed(instruction=one)})
    callers = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    for caller in callers:
        caller.settimeout(LIMIT_S)
        caller.connect(str(office.socket))
    for caller in callers:
        caller.sendall(line + b"\n")

    answers = [json.loads(caller.recv(65_536)) for caller in callers]

    for caller in callers:
        caller.close()
    assert sorted(answer["ok"] for answer in answers) == [False, True]
    refused = next(answer for answer in answers if not answer["ok"])
    assert "stands no more: rolled_back, released by desk" in refused["what"]
    assert office.levers.calls.count(("release", decision.id)) == 1


def test_two_people_approve_and_it_is_carried_out(office: Office) -> None:
    decision = office.propose()
    until(lambda: bool(listed(office)["proposed"]))

    first = say(office, Ask.APPROVE, decision.id, "Jane Doe")
    before = list(office.levers.calls)
    second = say(office, Ask.APPROVE, decision.id, "Ivan Novak")

    assert (first.ok, first.body["missing"]) == (True, 1)
    assert before == []
    assert second.ok, second
    assert second.body["state"] == "applied"
    assert office.levers.calls == [("apply", second.body["decision"])]
    assert office.kinds() == [
        "decision",
        "proposal:open",
        "instruction",
        "instruction",
        "proposal:approved",
        "decision",
        "containment:applied",
    ]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("same key twice", "has approved it already"),
        ("two names with one key", "the key is Jane Doe's, the name given"),
        ("unsigned", "not signed"),
        ("altered", "the signature is not of this"),
        ("lapsed", "it lapsed"),
        ("clock ahead", "in the future: compare the clocks"),
        ("another decision", "nothing waits for approval"),
        ("replayed as undo", "no instruction of that kind"),
    ],
)
def test_one_person_is_never_two(office: Office, what: str, says: str) -> None:
    decision = office.propose()
    until(lambda: bool(listed(office)["proposed"]))
    now_ns = office.clock.now_ns()
    good = signed(Ask.APPROVE, decision.id, "Jane Doe", now_ns)
    replace = msgspec.structs.replace
    renamed = replace(good.instruction, by="Ivan Novak")
    second = {
        "same key twice": signed(Ask.APPROVE, decision.id, "Jane Doe", now_ns + 1),
        "two names with one key": replace(good, instruction=renamed),
        "unsigned": Signed(instruction=renamed),
        "altered": replace(good, instruction=replace(good.instruction, reason="x")),
        "lapsed": signed(Ask.APPROVE, decision.id, "Ivan Novak", now_ns - 10**11, 60),
        "clock ahead": signed(Ask.APPROVE, decision.id, "Ivan Novak", now_ns + 10**11),
        "another decision": signed(Ask.APPROVE, "0" * 16, "Ivan Novak", now_ns),
        "replayed as undo": good,
    }[what]
    asked = Ask.UNDO if what == "replayed as undo" else Ask.APPROVE

    assert ask(office.socket, Ask.APPROVE, good).ok
    answer = ask(office.socket, asked, second)

    assert not answer.ok
    assert says in answer.what
    assert office.levers.calls == []


def test_an_approval_is_replayed_in_vain(office: Office) -> None:
    """What two people agreed to once is done once, and its repetition is another."""
    first = office.propose(measured=1)
    until(lambda: bool(listed(office)["proposed"]))
    now_ns = office.clock.now_ns()
    spoken = [
        signed(Ask.APPROVE, first.id, name, now_ns)
        for name in ("Jane Doe", "Ivan Novak")
    ]
    assert all(ask(office.socket, Ask.APPROVE, one).ok for one in spoken)
    again = office.propose(measured=2)
    until(lambda: bool(listed(office)["proposed"]))

    answers = [ask(office.socket, Ask.APPROVE, one) for one in spoken]

    assert not any(answer.ok for answer in answers)
    assert len(office.levers.calls) == 1
    assert [one["id"] for one in listed(office)["proposed"]] == [again.id]


def test_a_kill_is_undone_by_a_named_person_only(office: Office) -> None:
    decision = office.propose()
    until(lambda: bool(listed(office)["proposed"]))
    assert say(office, Ask.APPROVE, decision.id, "Jane Doe").ok
    enforced = say(office, Ask.APPROVE, decision.id, "Ivan Novak").body["decision"]

    plain = plainly(office, Ask.UNDO, enforced, "Jane Doe")
    named = say(office, Ask.UNDO, enforced, "Mary Major")

    assert not plain.ok
    assert "not signed" in plain.what
    assert named.ok
    assert office.levers.calls[-1] == ("release", enforced)


def test_a_freeze_lets_nothing_leave_and_what_stands_stands(office: Office) -> None:
    stands = office.decide(measured=1)
    until(lambda: bool(listed(office)["standing"]))

    frozen = plainly(office, Ask.FREEZE)
    held = office.decide(measured=2)
    until(lambda: bool(listed(office)["ended"]))
    undone = plainly(office, Ask.UNDO, stands.id)

    assert frozen.ok
    assert listed(office)["frozen"]["why"] == "frozen by desk: a test"
    assert undone.ok
    assert ("apply", held.id) not in office.levers.calls
    gauges = {one.name: one.samples[0].value for one in office.desk.collect()}
    assert gauges == {"airnet_frozen": 1, "airnet_proposals_waiting": 0}
    assert "containment:withheld" in office.kinds()
    assert "freeze" in office.kinds()


def test_a_freeze_is_lifted_by_name_and_only_the_one_that_stands(
    office: Office,
) -> None:
    plainly(office, Ask.FREEZE)
    freeze = listed(office)["frozen"]["id"]

    nobody = plainly(office, Ask.UNFREEZE, freeze)
    other = say(office, Ask.UNFREEZE, "0" * 32)
    lift = signed(Ask.UNFREEZE, freeze, "Jane Doe", office.clock.now_ns())
    lifted = ask(office.socket, Ask.UNFREEZE, lift)
    plainly(office, Ask.FREEZE, by="again")
    replayed = ask(office.socket, Ask.UNFREEZE, lift)

    assert not nobody.ok
    assert not other.ok
    assert lifted.ok
    assert not replayed.ok
    assert office.gate.closed() == "frozen by again: a test"


def test_freeze_works_while_an_enforcer_hangs(office: Office) -> None:
    """The hands wait for it, and hear people; what comes after it is not sent."""
    office.levers.may_apply.clear()
    office.decide(measured=1)
    office.levers.is_applying.wait(LIMIT_S)
    later = office.decide(measured=2)
    began = time.monotonic()

    answer = plainly(office, Ask.FREEZE)

    assert answer.ok
    assert time.monotonic() - began < LIMIT_S
    assert listed(office)["frozen"]["why"] == "frozen by desk: a test"
    office.levers.may_apply.set()
    until(lambda: office.hands.failure is None and bool(office.standing.ended))
    assert ("apply", later.id) not in office.levers.calls


def test_a_file_made_by_hand_freezes(office: Office, tmp_path: Path) -> None:
    (tmp_path / FROZEN).touch()
    office.decide()
    until(lambda: bool(listed(office)["ended"]))

    assert office.levers.calls == []
    assert listed(office)["frozen"] == {
        "why": "frozen by a file made by hand",
        "id": "",
    }


def test_what_cannot_be_looked_at_is_frozen(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "cannot be looked at" in Gate(tmp_path / "file").closed()


def test_a_freeze_outlives_the_end_of_airnet(tmp_path: Path) -> None:
    with Office(tmp_path) as first:
        plainly(first, Ask.FREEZE)

    with Office(tmp_path) as second:
        second.decide()
        until(lambda: bool(listed(second)["ended"]))
        assert second.levers.calls == []
        # Recorded when it began, and not once more.
        assert second.kinds().count("freeze") == 1
    assert verify(tmp_path / "ledger").verifies


def test_a_warden_that_dies_is_replaced(office: Office) -> None:
    warden = office.wardens._warden
    assert warden is not None
    assert ask(office.socket, Ask.ACTIONS).ok
    os.kill(warden.pid, signal.SIGKILL)
    warden.wait()

    office.wardens.tend()

    assert ask(office.socket, Ask.ACTIONS).ok


def test_a_warden_that_cannot_be_started_now_is_later(office: Office) -> None:
    """No descriptor is left: the watch goes on, and people are heard afterwards."""
    warden = office.wardens._warden
    assert warden is not None
    assert ask(office.socket, Ask.ACTIONS).ok
    os.kill(warden.pid, signal.SIGKILL)
    warden.wait()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        office.wardens.tend()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert office.wardens._warden is warden

    office.wardens.tend()

    assert ask(office.socket, Ask.ACTIONS).ok


def test_a_freeze_outlives_the_warden_that_took_it(tmp_path: Path) -> None:
    """No disk would take it, and it was passed on: who asked was told so."""
    gate, ledger = Gate(tmp_path), MemoryLedger()
    standing = Standing([], ledger, SystemClock(), closed=gate.closed)
    people = People(Approvers(), 0)
    desk = Desk(standing, gate, people, ledger, SystemClock())
    links = [socket.socketpair() for _ in range(2)]
    desk.attend(links[0][0])
    desk.serve()

    links[0][1].sendall(msgspec.json.encode(Passed(hold="by Jane: strange")) + b"\n")
    links[0][1].close()
    desk.attend(links[1][0])
    desk.serve()

    assert gate.closed() == "frozen by Jane: strange"
    for one in (*links[0], *links[1]):
        one.close()


def test_a_signal_to_the_warden_freezes(office: Office) -> None:
    assert ask(office.socket, Ask.ACTIONS).ok
    warden = office.wardens._warden
    assert warden is not None

    os.kill(warden.pid, signal.SIGUSR1)

    until(lambda: "SIGUSR1 was sent" in office.gate.closed())


def undoing(**changes: object) -> bytes:
    """Return a line that asks for an undo, with something wrong in it."""
    plain = {"ask": "undo", "by": "a", "reason": "r", "at_ns": 1, "until_ns": 2}
    signed = {"instruction": {**plain, **changes}}
    return json.dumps({"ask": "undo", "signed": signed}).encode() + b"\n"


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"null\n",
        b'{"ask":"burn"}\n',
        b'{"ask":"undo"}\n',
        b'{"ask":"actions","x":1}\n',
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b"x" * 70_000,
        undoing(by="\x1b[2J"),
        undoing(at_ns=-(10**20)),
        undoing(ask="freeze"),
        undoing(until_ns=1),
        undoing(subject="../../etc/passwd"),
        undoing(subject="x" * 60_000),
        undoing(subject="\x1b[2J"),
        undoing(extra=1),
    ],
)
def test_hostile_lines_are_refused_and_nothing_breaks(
    office: Office, line: bytes
) -> None:
    answer = msgspec.json.decode(raw(office, line), type=Answer)

    assert not answer.ok
    assert office.gate.closed() == ""
    assert ask(office.socket, Ask.ACTIONS).ok


def test_callers_that_say_nothing_keep_nobody_out(office: Office) -> None:
    silent = [socket.socket(socket.AF_UNIX) for _ in range(200)]
    for number, caller in enumerate(silent):
        caller.connect(str(office.socket))
        caller.sendall(b'{"ask":' if number % 2 else b"")
    began = time.monotonic()

    answer = plainly(office, Ask.FREEZE)

    assert answer.ok
    assert time.monotonic() - began < 2.0
    for caller in silent:
        caller.close()


def test_a_shell_completes_what_may_be_undone_or_approved(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands, waits = office.decide(), office.propose(2)
    until(lambda: len(listed(office)["proposed"]) == 1)
    (office.folder / "airnet.toml").write_text(
        '[capture]\ninterface = "x"\n[service]\nledger = "ledger"\n'
    )
    monkeypatch.setenv("AIRNET_CONFIG", str(office.folder / "airnet.toml"))

    def completed(*words: str) -> set[str]:
        shell = ShellComplete(airnet, {}, "airnet", "_AIRNET_COMPLETE")
        return {one.value for one in shell.get_completions(list(words), "")}

    assert completed("undo") == {stands.id, waits.id}
    assert completed("approve") == {waits.id}


def test_a_link_that_leads_nowhere_freezes_too(tmp_path: Path) -> None:
    (tmp_path / FROZEN).symlink_to(tmp_path / "nowhere")

    assert Gate(tmp_path).closed()


def test_nobody_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="no answer from airnet"):
        ask(tmp_path / "airnet.sock", Ask.ACTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["socket", "signal", "file"])
def test_freeze_works_while_the_interpreter_hangs(tmp_path: Path, way: str) -> None:
    """The whole process is stuck in C; when it goes on, nothing leaves."""
    script = Path(__file__).parents[1] / "fakes" / "hanging.py"
    words = [sys.executable, str(script), str(tmp_path)]
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"ready\n"
        path = tmp_path / "airnet.sock"
        assert ask(path, Ask.ACTIONS).ok
        process.stdin.write(b"hang\n")
        process.stdin.flush()
        began = time.monotonic()

        if way == "socket":
            one = instruct(Ask.FREEZE, "", "desk", at_ns=time.time_ns())
            assert ask(path, Ask.FREEZE, Signed(instruction=one)).ok
        elif way == "signal":
            process.send_signal(signal.SIGUSR1)
        else:
            (tmp_path / FROZEN).touch()
        until(lambda: bool(Gate(tmp_path).closed()))
        took_s = time.monotonic() - began
        assert not select.select([process.stdout], [], [], 0)[0], "it did not hang"
        said = process.stdout.readline().decode()
    print(f"frozen after {took_s:.3f} s")
    assert took_s < 1.5
    assert said.startswith("[] frozen"), said
