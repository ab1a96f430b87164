"""From a runaway algorithm to a kill that people agreed to, and back, all of it real.

One network for the module: QuickFIX sessions through Open vSwitch, the lab's order
gateway, the controller, and `airnet run` with a policy that was proved and signed.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.lab.needs import missing
from airnet.lab.network import ADDRESSES
from airnet.record.file import verify
from tests.netns.trading_floor import Floor, trading_floor

LACKS = missing()
pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKS), reason="; ".join(LACKS)),
]


@pytest.fixture(scope="module")
def floor() -> Iterator[Floor]:
    with (
        tempfile.TemporaryDirectory() as place,
        trading_floor(Path(place) / "floor") as made,
    ):
        yield made


def agreed(floor: Floor, decision: str) -> tuple[str, str]:
    """Have two people approve; return what it became, and what was said of it."""
    first = floor.approve(decision, "Jane Doe")
    second = floor.approve(decision, "Ivan Novak")
    assert first[0] == 0, first[2]
    assert first[1]["body"] == {"state": "open", "missing": 1}
    return str(second[1]["body"]["decision"]), str(second[1]["what"])


def counts_only_people(floor: Floor, kill: str) -> None:
    """See that no approval counts that lapsed, or is its giver's second."""
    lapsing = floor.approve(kill, "Jane Doe", "--valid", "1")
    lapsed = time.monotonic() + 1.1
    floor.until(lambda: time.monotonic() > lapsed, "the approval to lapse")
    second = floor.approve(kill, "Ivan Novak")
    twice = floor.approve(kill, "Ivan Novak")

    assert [one[1]["body"] for one in (lapsing, second)] == [
        {"state": "open", "missing": 1}
    ] * 2, "what lapsed was counted"
    assert twice[0] == 1
    assert "has approved it already" in twice[2]
    assert floor.gateway_says("BETAMM", kill)["state"] == "released"


def test_a_runaway_is_killed_by_two_people_and_allowed_by_one(floor: Floor) -> None:
    """The gateway cancels nothing on disconnect: a kill must cancel by itself."""
    floor.set_gateway(cod=False)
    floor.runaway("beta", "BETAMM", 300)
    kill = floor.proposed("disable_session", "BETAMM")
    before = floor.session("BETAMM")

    counts_only_people(floor, kill)
    last = floor.approve(kill, "Jane Doe")

    assert last[0] == 0, last[2]
    done = str(last[1]["body"]["decision"])
    said = floor.gateway_says("BETAMM", done)
    assert (said["state"], said["open_orders"]) == ("applied", 0)
    floor.until(
        lambda: floor.session("BETAMM").by_firm.canceled > before.by_firm.canceled,
        "reports of the orders that were cancelled",
    )
    stopped = floor.session("BETAMM").by_firm.stopped
    floor.until(
        lambda: floor.session("BETAMM").by_firm.stopped > stopped + 100,
        "orders that are refused",
    )
    nobody = floor.say("undo", done, "--by", "Jane Doe")
    assert nobody[0] == 1
    assert "not signed" in nobody[2]
    lifted = floor.undo(done, "Mary Major")
    assert lifted[0] == 0, lifted[2]
    floor.runaway("beta", "BETAMM", 0)
    accepted = floor.session("BETAMM").by_firm.accepted
    floor.until(
        lambda: floor.session("BETAMM").by_firm.accepted > accepted + 3,
        "orders that are accepted again",
    )
    floor.until(
        lambda: floor.allowed()[-1:] == [["BETAMM", "released by Mary Major: over"]],
        "the gateway's note of who allowed it",
    )
    assert floor.ledger(kill) == [
        "decision:propose",
        "proposal:open",
        *["instruction:approve"] * 3,
        "proposal:approved",
    ]
    assert floor.ledger(done) == [
        "decision:enforce",
        "containment:applied",
        "instruction:undo",
        "containment:rolled_back",
    ]


def test_a_freeze_between_two_approvals_lets_nothing_leave(floor: Floor) -> None:
    floor.runaway("gamma", "GAMMATK", 300)
    kill = floor.proposed("disable_session", "GAMMATK")
    floor.approve(kill, "Jane Doe")
    assert floor.say("freeze", "--reason", "a strange day")[0] == 0

    status, said, errors = floor.approve(kill, "Ivan Novak")

    assert status == 1, said
    assert "withheld" in errors
    assert "a strange day" in errors
    done = str(said["body"]["decision"])
    assert floor.ledger(done) == ["decision:enforce", "containment:withheld"]
    assert floor.gateway_says("GAMMATK", done)["state"] == "released"
    key = ("--by", "Mary Major", "--key", str(floor.folder / "Mary Major.pem"))
    assert floor.say("unfreeze", *key)[0] == 0
    again = floor.approve(kill, "Mary Major")
    assert again[0] == 1, "what was withheld was approved again"
    assert floor.gateway_says("GAMMATK", done)["state"] == "released"
    floor.runaway("gamma", "GAMMATK", 0)


def test_nothing_is_cut_before_its_orders_are_gone(floor: Floor) -> None:
    """No word of cancels, no cancel on disconnect: people are told, nobody is cut."""
    floor.set_gateway(cod=False, confirms=False)
    floor.attack("gamma")
    isolation = floor.proposed("isolate_host", "10.77.0.23")

    done, said = agreed(floor, isolation)

    assert f"{done}: failed" in said
    assert "not isolated" in said
    assert floor.rules_about("gamma") == []
    assert floor.gateway_says("GAMMAMM")["is_connected"] is True
    assert floor.ledger(done) == ["decision:enforce", "containment:failed"]


@pytest.mark.parametrize(
    ("firm", "how", "told"),
    [
        ("alpha", {"cod": False}, "no order of ALPHA"),
        ("beta", {"cod": True, "confirms": False}, "cancels on disconnect"),
    ],
)
def test_isolation_waits_until_it_is_confirmed(
    floor: Floor, firm: str, how: dict[str, bool], told: str
) -> None:
    """Cancelled by command, or logged out where that cancels; then cut, not before."""
    floor.set_gateway(**how)
    floor.attack(firm)
    isolation = floor.proposed("isolate_host", ADDRESSES[firm])

    done, said = agreed(floor, isolation)

    assert f"{done}: applied" in said
    assert told in said
    floor.set_gateway(cod=how["cod"])
    for comp_id in (f"{firm.upper()}MM", f"{firm.upper()}TK"):
        assert floor.gateway_says(comp_id)["open_orders"] == 0
    assert floor.rules_about(firm)
    floor.recount()
    accepted = floor.session(f"{firm.upper()}MM").by_venue.accepted
    others = floor.session("GAMMAMM").by_venue.accepted
    floor.until(
        lambda: floor.session("GAMMAMM").by_venue.accepted > others + 5,
        "the others' trading",
    )
    assert floor.session(f"{firm.upper()}MM").by_venue.accepted == accepted
    assert floor.undo(done, "Ivan Novak")[0] == 0
    assert floor.rules_about(firm) == []
    floor.until(
        lambda: floor.session(f"{firm.upper()}MM").by_venue.accepted > accepted,
        "trading again",
    )
    assert floor.ledger(isolation)[-1] == "proposal:approved"
    assert floor.ledger(done)[-2:] == ["instruction:undo", "containment:rolled_back"]


@pytest.mark.parametrize("has_left", [True, False], ids=["sent", "maybe sent"])
def test_killed_between_approval_and_command(floor: Floor, *, has_left: bool) -> None:
    """What the gateway holds is found there, and stays; what not, is not sent again.

    Killed when the intent is on record, nobody knows whether the command went too.
    """
    floor.set_gateway(cod=True)
    floor.until(lambda: floor.gateway_says("ALPHATK")["is_connected"], "a new Logon")
    floor.runaway("alpha", "ALPHATK", 300)
    kill = floor.proposed("disable_session", "ALPHATK")
    floor.approve(kill, "Jane Doe")
    with floor.gateway_stopped():
        asking = floor.approving(kill, "Ivan Novak")
        floor.until(lambda: bool(floor.enforced_of(kill)), "an intent")
        if has_left:
            floor.until(floor.has_gateway_mail, "a command")
        floor.kill()
    asking.wait(30)
    done = floor.enforced_of(kill)
    assert floor.ledger(done) == ["decision:enforce"]
    floor.recount()
    is_held = floor.gateway_says("ALPHATK", done)["state"] == "applied"

    floor.start()

    state = "applied" if is_held else "failed"
    assert floor.ledger(done) == ["decision:enforce", f"containment:{state}"]
    standing = [one["id"] for one in floor.say("actions")[1]["standing"]]
    assert (done in standing) is is_held
    if is_held:
        assert floor.undo(done, "Mary Major")[0] == 0
    assert floor.gateway_says("ALPHATK", done)["state"] == "released"
    if not has_left:
        floor.stop()
        assert verify(floor.papers.ledger).verifies
