"""A flood that bears the addresses of those who trade accuses nobody by its address."""

import pytest

from airnet.decide import Judge
from airnet.domain.decision import Action
from airnet.domain.window import WINDOW_GATEWAY
from tests.fakes.verdicts import SITE, T0, gateway_verdict
from tests.unit.test_decide import DEFAULT


@pytest.mark.parametrize(
    ("share", "rule", "action"),
    [
        (251, "", Action.EVIDENCE),
        (250, "", Action.DROP_SOURCES),
        (250, "gateway.half_open_per_second", Action.DROP_SOURCES),
        (251, "gateway.half_open_per_second", Action.RATE_LIMIT_SOURCES),
    ],
)
def test_a_flood_that_bears_the_addresses_of_clients_accuses_nobody(
    share: int, rule: str, action: Action
) -> None:
    """Its other source may be a client's as well, that has not been answered yet."""
    judge = Judge(DEFAULT, SITE, {WINDOW_GATEWAY: {"known_share": 0}})
    flood = [
        gateway_verdict(t, rule=rule, first_ns=T0, features=(share,))
        for t in (10, 20, 30)
    ]

    assert [d.action for one in flood for d in judge.judge(one)] == [action]


@pytest.mark.parametrize(
    ("later_ms", "wanted"), [(9_990, []), (10_021, [Action.DROP_SOURCES])]
)
def test_a_few_packets_without_clients_addresses_end_no_doubt(
    later_ms: int, wanted: list[Action]
) -> None:
    """Of ten packets of such a flood one in twenty windows has two of a client's."""
    judge = Judge(DEFAULT, SITE, {WINDOW_GATEWAY: {"known_share": 0}})
    judge.judge(gateway_verdict(10, rule="", first_ns=T0, features=(600,)))
    flood = [
        gateway_verdict(later_ms + t, rule="", open_ns=T0, first_ns=T0, features=(200,))
        for t in (0, 10, 20)
    ]
    found = [d.action for one in flood for d in judge.judge(one)]

    assert [one for one in found if one is Action.DROP_SOURCES] == wanted
