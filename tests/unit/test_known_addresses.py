"""Who passes a switch whatever stands there."""

import numpy as np
import pytest

from airnet.config import Firm, Protected, Site
from airnet.domain.address import address_bytes
from airnet.domain.session import CLOSED, LOGGED_ON, OPEN, SESSION
from airnet.pipeline import known_addresses

CLIENT = "10.9.0.7"


@pytest.mark.parametrize(
    ("state", "midstream", "messages", "is_known"),
    [
        (LOGGED_ON, 0, (3, 2), True),
        (OPEN, 0, (0, 0), False),  # a connection is no proof
        (OPEN, 0, (1, 1), False),  # a stranger's Logon, refused
        (OPEN, 1, (5, 4), True),  # only heartbeats so far
        (OPEN, 1, (5, 0), False),
        (CLOSED, 0, (9, 9), False),
    ],
)
def test_who_trades_is_known_and_who_knocks_is_not(
    state: int, midstream: int, messages: tuple[int, int], *, is_known: bool
) -> None:
    rows = np.zeros(2, SESSION)
    rows[0]["client"] = np.frombuffer(address_bytes(CLIENT), np.uint8)
    rows[0]["state"], rows[0]["midstream"] = state, midstream
    rows[0]["messages"] = messages

    assert (CLIENT in known_addresses(Site(), rows)) == is_known


def test_the_sites_hosts_and_the_protected_are_known() -> None:
    site = Site(
        firms=(Firm(name="A", hosts=("10.0.0.1",)),),
        protected=(
            Protected(network="10.0.9.0/24", why="a test"),
            Protected(network="10.0.8.1/30", why="host bits, which switches refuse"),
        ),
    )

    found = known_addresses(site, np.zeros(1, SESSION))

    assert found == ["10.0.0.1", "10.0.8.0/30", "10.0.9.0/24"]
