"""crowd: decide knows who trades, through a scorer that says nothing of the normal."""

import msgspec
import pytest

from airnet.decide.policy import Budget, Policy
from airnet.decide.protection import endpoint
from airnet.domain.verdict import Cause
from airnet.score.rules import COUNTED
from airnet.twin.closed import Loop, Terms
from airnet.twin.loop import shipped_scorer
from tests.fakes.stage import TapeStage
from tests.fakes.verdicts import gateway_verdict

#: What a scorer says of a window that looks normal is that there is something to count.
TALLIED = {rule.name for rules in COUNTED.values() for rule in rules}
WEIGHING = Policy(budget=Budget(flow_share_max_percent=50))


class Heard:
    """A day of the twin, as the product's pipeline saw it."""

    def __init__(self, scenario: str) -> None:
        self.stage = TapeStage(scenario, 3)
        scorer = shipped_scorer()
        self.causes: list[Cause] = []
        score = scorer.score

        def noted(*batch: object) -> object:
            verdicts = score(*batch)
            self.causes += [one.cause for one in verdicts if one.rule not in TALLIED]
            return verdicts

        scorer.score = noted
        loop = Loop(self.stage, WEIGHING, scorer, "open", Terms())
        self.judge = loop._brain.judge
        loop.run()

    @property
    def places(self) -> list[str]:
        """Return the client's end of every line."""
        return [endpoint(one.client, one.port) for one in self.stage.lines]


@pytest.fixture(scope="module")
def heard() -> Heard:
    return Heard("runaway")


def test_the_scorer_says_nothing_of_the_normal(heard: Heard) -> None:
    assert heard.causes
    assert Cause.NORMAL not in heard.causes


def test_everybody_whose_orders_are_answered_is_known(heard: Heard) -> None:
    peers = heard.judge._peers
    known = [one for one in heard.stage.lines if peers.is_client(one.client)]

    assert len(known) > len(heard.stage.lines) // 2
    assert peers.session_count >= len(known)
    assert not peers.is_client("192.0.2.77")


def test_each_session_weighs_what_it_sent_while_it_was_normal(heard: Heard) -> None:
    peers = heard.judge._peers
    culprit, _ = heard.stage.labels[0].sessions[0]
    parts = {place: peers.flow([place])[0] for place in heard.places}
    _, whole = peers.flow([])

    assert sum(part > 0 for part in parts.values()) > len(parts) // 2
    assert sum(parts.values()) == whole
    # A runaway sends more than all others together; that is no flow of its own.
    assert peers.flow([culprit])[0] * 2 < whole


def test_who_trades_is_dropped_by_no_flood_in_its_name(heard: Heard) -> None:
    """A client that never looked odd, on a site that lists nobody."""
    client = next(
        one.client
        for one in heard.stage.lines
        if heard.judge._peers.is_client(one.client)
    )
    start_ns = heard.stage.span_ns[1]
    flood = gateway_verdict(0, sources=(client, "198.51.100.9"), fanout=2)
    stream = [
        msgspec.structs.replace(
            flood, open_ns=start_ns + n * 10**7, close_ns=start_ns + (n + 1) * 10**7
        )
        for n in range(4)
    ]

    decisions = [one for verdict in stream for one in heard.judge.judge(verdict)]

    assert [one.target for one in decisions] == [("198.51.100.9",)]
