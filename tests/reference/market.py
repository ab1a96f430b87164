"""The slow, obvious account of a market: what its messages alone say happened."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

UP, DOWN = 0, 1


class Account(NamedTuple):
    """What a line's reports come to."""

    cash: dict[int, int]
    shares: dict[tuple[int, int], int]
    ends: Counter[str]
    errors: list[str]


def audit(rows: Iterable[Any]) -> Account:
    """Follow every order through its messages; list what cannot be.

    `rows` are those of airnet._ext.market.ROW, in the order they were written, of
    lines that were never cut.
    """
    cash: defaultdict[int, int] = defaultdict(int)
    shares: defaultdict[tuple[int, int], int] = defaultdict(int)
    ends: Counter[str] = Counter()
    errors: list[str] = []
    state: dict[int, str] = {}
    for row in rows:
        number = int(row["order"])
        kind, executed = chr(row["type"]), chr(row["executed"])
        if row["direction"] == UP:
            if kind == "D":
                state.setdefault(number, "sent")
            continue
        if kind != "8":
            continue
        before = state.get(number, "unknown")
        if executed == "8":
            if before == "sent":
                state[number] = "rejected"
                ends["rejected"] += 1
            continue
        if executed == "0" and before != "sent":
            errors.append(f"order {number} accepted when {before}")
        if executed != "0" and before != "live":
            errors.append(f"order {number}: report {executed} when {before}")
        state[number] = "live"
        if executed == "F":
            sign = 1 if chr(row["side"]) == "1" else -1
            line, quantity = int(row["line"]), int(row["quantity"])
            cash[line] -= sign * quantity * int(row["price"])
            shares[line, int(row["symbol"])] += sign * quantity
        name = {"4": "cancelled", "C": "expired"}.get(executed)
        if executed == "F" and chr(row["status"]) == "2":
            name = "filled"
        if name:
            state[number] = name
            ends[name] += 1
    return Account(dict(cash), dict(shares), ends, errors)
