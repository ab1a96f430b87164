"""OpenC2 over TLS, in which order gateway and airnet show each other who they are."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.act.identity import identity
from airnet.act.openc2 import control_problems
from airnet.act.orders import OrdersActuator
from airnet.clock import SystemClock
from airnet.config import Actuators, Gateway
from airnet.domain.containment import State
from airnet.errors import ActuationError, ConfigError
from airnet.service.means import orders_of
from tests.fakes.gateway import FakeGateway
from tests.fakes.verdicts import throttle
from tests.netns.algorithms import AGENT, SENSOR, identities

S = 1_000_000_000
OURS = (f"{SENSOR}.pem", f"{SENSOR}.key", "authority.pem")


def theirs(folder: Path) -> ssl.SSLContext:
    """Return who the gateway is, and that it asks who comes."""
    names = (f"{AGENT}.pem", f"{AGENT}.key", "authority.pem")
    return identity(ssl.Purpose.CLIENT_AUTH, folder, names)


def gateways(url: str) -> list[Gateway]:
    return [Gateway(ip="10.0.0.10", port=9878, control=url)]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[FakeGateway]:
    identities(tmp_path)
    with FakeGateway(context=theirs(tmp_path)) as made:
        yield made


def test_a_session_is_limited_where_both_are_known(
    gateway: FakeGateway, tmp_path: Path
) -> None:
    named = Actuators(certificate=OURS[0], key=OURS[1], authority=OURS[2])
    acting = orders_of(gateways(gateway.url), named, tmp_path, SystemClock())

    standing = acting.apply(throttle(), 60 * S)

    assert standing.state is State.APPLIED
    acting.release(standing)
    assert next(one["action"] for one in gateway.commands) == "contain"
    acting.close()


@pytest.mark.parametrize("who", ["nobody", "an impostor", "a foreign gateway"])
def test_whoever_is_not_known_is_told_nothing(
    gateway: FakeGateway, tmp_path: Path, who: str
) -> None:
    """Without a certificate, with one of another authority, or at such a gateway."""
    other = tmp_path / "other"
    other.mkdir()
    identities(other)
    if who == "nobody":
        context = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    elif who == "an impostor":
        context = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
        context.load_cert_chain(other / OURS[0], other / OURS[1])
    else:
        context = identity(ssl.Purpose.SERVER_AUTH, other, OURS)
    acting = OrdersActuator(gateways(gateway.url), 1000, SystemClock(), context)

    with pytest.raises(ActuationError):
        acting.apply(throttle(), 60 * S)

    assert gateway.commands == []
    acting.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://10.20.0.10:9101", "plain text off this host"),
        ("http://gateway.example:9101", "plain text off this host"),
        ("https://10.20.0.10:9101", "no identity to show"),
    ],
)
def test_plain_text_off_this_host_is_refused_unless_named(
    tmp_path: Path, url: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        orders_of(gateways(url), Actuators(), tmp_path, SystemClock())

    place = url.partition("//")[2]
    named = Actuators(plain=(place,))
    if url.startswith("http:"):
        orders_of(gateways(url), named, tmp_path, SystemClock()).close()
    else:
        with pytest.raises(ConfigError):
            orders_of(gateways(url), named, tmp_path, SystemClock())


def test_loopback_needs_no_name() -> None:
    controls = ["http://127.0.0.1:1", "http://[::1]:1"]

    assert list(control_problems(controls, (), has_identity=False)) == []


def test_half_an_identity_is_none() -> None:
    with pytest.raises(ValueError, match="`certificate` must come with"):
        Actuators(certificate="sensor.pem")
