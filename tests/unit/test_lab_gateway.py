"""The lab's order gateway: its book, and the throttle that OpenC2 commands set."""

import json

import pytest

from airnet.clock import SimulatedClock
from airnet.lab.book import BUY, SELL, Book, Order
from airnet.lab.throttle import COMMANDS_MAX, DURATION_MAX_MS, Throttle

NS_PER_MS = 1_000_000


def order(identity: str, side: str, price: int, quantity: int) -> Order:
    return Order(
        id=identity,
        owner="A",
        client_id=identity,
        symbol="X",
        side=side,
        price=price,
        quantity=quantity,
        open=quantity,
    )


def test_better_price_then_older_order_is_met_first() -> None:
    book = Book()
    resting = [order("dear", SELL, 11, 5), order("old", SELL, 10, 5)]
    resting.append(order("young", SELL, 10, 5))
    for one in resting:
        assert book.enter(one) == []

    taker = order("taker", BUY, 11, 12)
    fills = book.enter(taker)

    assert [(fill.maker.id, fill.price, fill.quantity) for fill in fills] == [
        ("old", 10, 5),
        ("young", 10, 5),
        ("dear", 11, 2),
    ]
    assert (taker.open, taker.filled, taker.value) == (0, 12, 122)
    assert book.best(SELL) == 11
    assert book.best(BUY) is None


def test_what_is_left_rests_until_it_is_removed() -> None:
    book = Book()
    book.enter(order("maker", SELL, 10, 3))
    taker = order("taker", BUY, 10, 5)
    book.enter(taker)

    assert book.best(BUY) == 10
    assert book.remove(taker)
    assert book.best(BUY) is None
    assert not book.remove(taker)


def command(action: str, identity: str = "c1", **changes: object) -> bytes:
    request = {
        "action": action,
        "target": {"x-airnet:session": {"comp_id": "ALGO", "client": "10.0.0.1:5"}},
        "args": {"duration": 1000, "x-airnet": {"limit": "new_orders"}},
        "command_id": identity,
        **changes,
    }
    return json.dumps(
        {
            "headers": {"request_id": identity},
            "body": {"openc2": {"request": request}},
        }
    ).encode()


def ask(throttle: Throttle, body: bytes) -> dict[str, object]:
    answer = json.loads(throttle.answer(body))
    return answer["body"]["openc2"]["response"]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(now_ns=1_000_000_000_000)


@pytest.fixture
def throttle(clock: SimulatedClock) -> Throttle:
    return Throttle(clock)


def test_containment_ends_by_the_gateways_own_clock(
    throttle: Throttle, clock: SimulatedClock
) -> None:
    said = ask(throttle, command("contain"))

    assert said["status"] == 200
    results = said["results"]["x-airnet"]
    assert results["state"] == "applied"
    assert results["until_ns"] == clock.now_ns() + 1000 * NS_PER_MS
    assert throttle.stops("ALGO") == "c1"
    assert throttle.stops("OTHER") == ""
    clock.time_ns += 1000 * NS_PER_MS
    assert throttle.stops("ALGO") == ""
    said = ask(throttle, command("query"))
    assert said["results"]["x-airnet"] == {
        "state": "released",
        "until_ns": 0,
        "standing": [],
    }


def test_repeated_command_changes_nothing(
    throttle: Throttle, clock: SimulatedClock
) -> None:
    first = ask(throttle, command("contain"))
    clock.time_ns += 500 * NS_PER_MS

    assert ask(throttle, command("contain")) == first
    ask(throttle, command("restore"))
    assert throttle.stops("ALGO") == ""
    ask(throttle, command("contain"))
    assert throttle.stops("ALGO") == ""


def test_restore_needs_only_the_command_id(throttle: Throttle) -> None:
    ask(throttle, command("contain"))
    said = ask(throttle, command("restore", target={"x-airnet:session": {}}))

    assert said["status"] == 200
    assert throttle.stops("ALGO") == ""
    assert ask(throttle, command("restore", "never"))["status"] == 200


def test_query_lists_everything_that_stands(throttle: Throttle) -> None:
    ask(throttle, command("contain"))
    ask(throttle, command("contain", "c2"))
    said = ask(throttle, command("query", "c2"))

    standing = said["results"]["x-airnet"]["standing"]
    assert [one["command_id"] for one in standing] == ["c1", "c2"]
    assert standing[0]["comp_id"] == "ALGO"
    assert standing[0]["client"] == "10.0.0.1:5"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"[1]", 400),
        (b'{"body":{}}', 400),
        (command("contain", ""), 400),
        (command("contain", target={}), 400),
        (command("contain", args={"duration": 5}), 400),
        (command("contain", args={"x-airnet": {"limit": "new_orders"}}), 400),
        (
            command(
                "contain",
                args={
                    "duration": DURATION_MAX_MS + 1,
                    "x-airnet": {"limit": "new_orders"},
                },
            ),
            400,
        ),
        (command("explode"), 501),
    ],
)
def test_malformed_command_is_refused_with_a_reason(
    throttle: Throttle, body: bytes, status: int
) -> None:
    said = ask(throttle, body)

    assert said["status"] == status
    assert said["status_text"]
    assert throttle.standing() == []


def test_memory_is_bounded_and_never_forgets_what_stands(
    throttle: Throttle, clock: SimulatedClock
) -> None:
    arguments = {"duration": 60_000, "x-airnet": {"limit": "new_orders"}}
    ask(throttle, command("contain", "standing", args=arguments))
    clock.time_ns += 1
    for number in range(COMMANDS_MAX + 10):
        ask(throttle, command("contain", f"n{number}"))
        clock.time_ns += 2000 * NS_PER_MS if number == 0 else 0
        ask(throttle, command("restore", f"n{number}"))
        clock.time_ns += 1

    assert throttle.stops("ALGO") == "standing"
    assert len(throttle._holds) <= COMMANDS_MAX
