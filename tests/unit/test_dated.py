"""cli.dated: a calendar that has run out is told, with file, line and field."""

import hashlib
import json
from pathlib import Path

import pytest

from airnet.cli import main
from airnet.errors import EXIT_CONFIG, EXIT_DONE
from tests.fakes.hours import DATA, EXAMPLE, with_hours

Capture = pytest.CaptureFixture[str]
HOURS = """\
[[{name}]]
start = 2026-03-02T07:50:00Z
end = 2026-03-02T08:00:00Z
phase = "auction"

[[{name}]]
start = 2026-03-02T08:00:00Z
end = 2026-03-02T16:30:00Z
phase = "continuous"
"""


def write(folder: Path, *, beside: bool, hours: str = HOURS) -> Path:
    """Write a policy with its market's hours, in it or in a file beside it."""
    policy = folder / "policy.toml"
    head = 'name = "dated"\n\n'
    if not beside:
        policy.write_text(head + hours.format(name="market.interval"))
        return policy
    text = 'exchange = "XETR"\n\n' + hours.format(name="interval")
    (folder / "xetr.toml").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    market = f'[market]\ncalendar = "xetr.toml"\nsha256 = "{digest}"\n'
    policy.write_text(head + market)
    return policy


def lint(capfd: Capture, policy: Path, *day: str) -> tuple[int, list[str]]:
    status = main(["lint", str(policy), "--json", *day])
    (found,) = json.loads(capfd.readouterr().out)
    return status, found["problems"]


@pytest.mark.parametrize(
    ("beside", "where"),
    [
        (False, "policy.toml:10: market.interval[1].end"),
        (True, "policy.toml:4: market.calendar"),
    ],
)
def test_hours_that_lie_in_the_past_are_told(
    capfd: Capture, tmp_path: Path, *, beside: bool, where: str
) -> None:
    policy = write(tmp_path, beside=beside)

    status, (told,) = lint(capfd, policy, "--on", "2026-03-12")

    assert status == EXIT_CONFIG
    assert told.startswith(f"{tmp_path}/{where}: ")
    assert "2026-03-02 16:30 UTC was the last of it, 9 days before" in told
    assert not beside or f"{tmp_path}/xetr.toml:10: interval[1].end: " in told
    by = f"XETR {{}} --output {tmp_path}/xetr.toml" if beside else "EXCHANGE {}"
    days = "--from 2026-02-26 --to 2027-03-12"
    assert f"airnet policy calendar {by.format(days)}" in told


@pytest.mark.parametrize("beside", [False, True])
def test_hours_that_cover_the_day_are_none_of_its_business(
    capfd: Capture, tmp_path: Path, *, beside: bool
) -> None:
    """The last minute counts: what ends at 16:30 covers the day it ends on."""
    policy = write(tmp_path, beside=beside)

    (told,) = lint(capfd, policy, "--on", "2026-03-02")[1]  # at its first moment
    assert "2026-03-02 07:50 UTC is the first of it" in told
    longer = HOURS.replace("-02T07:50", "-01T07:50")
    policy = write(tmp_path, beside=beside, hours=longer)
    assert lint(capfd, policy, "--on", "2026-03-02") == (EXIT_DONE, [])


def test_by_default_it_is_judged_by_today(capfd: Capture, tmp_path: Path) -> None:
    past = HOURS.replace("2026", "2001")
    assert lint(capfd, write(tmp_path, beside=True, hours=past))[0] == EXIT_CONFIG

    both = HOURS.replace("2026-03-02T07", "2001-03-02T07")
    both = both.replace("2026-03-02T16", "9000-03-02T16")
    assert lint(capfd, write(tmp_path, beside=True, hours=both))[0] == EXIT_DONE


def test_hours_without_any_are_told(capfd: Capture, tmp_path: Path) -> None:
    status, (told,) = lint(capfd, write(tmp_path, beside=True, hours=""))

    assert status == EXIT_CONFIG
    assert "xetr.toml has no interval" in told


def test_without_a_calendar_there_is_nothing_to_run_out(
    capfd: Capture, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('name = "plain"\n')

    assert lint(capfd, policy) == (EXIT_DONE, [])


@pytest.mark.parametrize(
    "name", ["policy.toml", "policy.toml.example", "site.toml.example"]
)
def test_what_is_shipped_is_good_on_any_day(capfd: Capture, name: str) -> None:
    for day in ("2026-01-01", "2031-05-06"):
        assert lint(capfd, DATA / name, "--on", day) == (EXIT_DONE, [])


def test_the_example_with_hours_is_good_as_long_as_they_last(
    capfd: Capture, tmp_path: Path
) -> None:
    """As it says: the command that it names, what that prints, and what is commented.

    Once they have run out, the command that lint names mends it.
    """
    pytest.importorskip("exchange_calendars", reason="pip install 'airnet[policy]'")
    policy, hours = tmp_path / "policy.toml", tmp_path / "xetr.toml"
    (line,) = (
        one for one in EXAMPLE.read_text().splitlines() if "airnet policy" in one
    )
    words = line.removeprefix("#   airnet ").replace("xetr.toml", str(hours)).split()

    assert main(words) == EXIT_DONE
    policy.write_text(with_hours(capfd.readouterr().out))
    assert lint(capfd, policy, "--on", "2027-01-20") == (EXIT_DONE, [])

    status, (told,) = lint(capfd, policy, "--on", "2028-01-20")
    assert status == EXIT_CONFIG
    remedy = told.partition("airnet policy ")[2].removesuffix(" writes it anew")
    assert main(["policy", *remedy.split()]) == EXIT_DONE
    policy.write_text(with_hours(capfd.readouterr().out))
    assert lint(capfd, policy, "--on", "2028-01-20") == (EXIT_DONE, [])
