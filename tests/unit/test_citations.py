"""Citations: a number that is not what its entry says is found."""

import re

import pytest

from airnet.domain.incident import Evidence
from airnet.record.citations import problems

T_NS = 1_763_549_358_815_169_040
ENTRY = Evidence(
    sequence=7,
    time_ns=T_NS,
    kind="decision",
    body={
        "t_ns": T_NS + 186_178_000,
        "first_ns": T_NS,
        "tier": 4,
        "measured": 330,
        "limit": 100,
        "probability": 0.999859,
        "target": ["10.20.3.56:56900", "ALPHA2"],
        "why": "in 3 windows over 301.347 ms of capture time",
    },
)
STORY = """\
2025-11-19 10:49:18.815169040 UTC  first frame of it on the mirror [7]
186.178 ms of capture time later, T4 [7]
target: 10.20.3.56:56900, ALPHA2 [7]
measured 330, limit 100, probability 0.999859 [7]
in 3 windows over 301.347 ms [7]
nothing to see here
"""


def test_a_story_that_says_what_the_ledger_says_holds() -> None:
    assert problems(STORY, [ENTRY]) == []


@pytest.mark.parametrize("place", [m.start() for m in re.finditer(r"\d", STORY)])
def test_any_other_digit_is_found(place: int) -> None:
    """One digit more, anywhere: a moment, a span, an address, a citation."""
    digit = str((int(STORY[place]) + 1) % 10)
    story = STORY[:place] + digit + STORY[place + 1 :]

    assert problems(story, [ENTRY])


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("measured 100, limit 330 [7]", "measured 100 is not what entry 7 says"),
        ("it was 330", "330 cites no entry"),
        ("it was 330 [8]", "the ledger has no entry 8"),
        ("2025-11-19 10:49:19.815169040 UTC [7]", "is not in entry 7"),
    ],
)
def test_what_is_wrong_is_said(line: str, what: str) -> None:
    (first, *_) = problems(line, [ENTRY])

    assert first.startswith("line 1: ")
    assert what in first


def test_what_was_made_anew_holds_word_for_word() -> None:
    line = "relative_fast 3,025 moved it by +3.365"

    assert problems(f"    {line}\n", [ENTRY], frozenset({line})) == []
    assert problems(f"    {line}1\n", [ENTRY], frozenset({line}))
