"""What in a policy has run out by a day: a calendar whose every date lies in the past.

Outside of what a calendar covers nobody has said anything, and deciding takes the
market to be open (airnet.decide.market): auctions and nights are then judged as
trading, and nothing else would ever tell.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airnet.config import load, parse
from airnet.decide.market import Calendar, Interval
from airnet.decide.policy import Policy
from airnet.toml import Step, line_of, read_text

NS_PER_S = 1_000_000_000
#: From before the longest holidays, so that today is covered, and for a year.
BEFORE, AFTER = timedelta(days=14), timedelta(days=365)


def calendar_problems(file: Path, now_ns: int) -> Iterator[str]:
    """Yield what is wrong at a time with the market's hours of a policy, by its file.

    Each with the policy's file, line and field, and the calendar's where it is another.

    Raises:
        ConfigError: one of the two cannot be read.
    """
    now = datetime.fromtimestamp(now_ns / NS_PER_S, UTC)
    text = read_text(file)
    market = parse(text, file, Policy).market
    if not market.calendar:
        remedy = _remedy("EXCHANGE", "hours.toml", now)
        for place, moved in _stretched(market.intervals, now):
            steps: tuple[Step, ...] = ("market", "interval", *place)
            field = f"market.interval[{place[0]}].{place[1]}"
            yield f"{file}{line_of(text, steps)}: {field}: {moved}; {remedy}"
        return
    where = f"{file}{line_of(text, ('market', 'calendar'))}: market.calendar"
    hours = file.parent / market.calendar
    calendar = load(hours, Calendar)
    remedy = _remedy(calendar.exchange, str(hours), now)
    if not calendar.intervals:
        open_ = f"{hours} has no interval: the market is taken to be open"
        yield f"{where}: {open_}; {remedy}"
    for place, moved in _stretched(calendar.intervals, now):
        line = line_of(read_text(hours), ("interval", *place))
        field = f"interval[{place[0]}].{place[1]}"
        yield f"{where}: {hours}{line}: {field}: {moved}; {remedy}"


def _stretched(
    intervals: tuple[Interval, ...], now: datetime
) -> Iterator[tuple[tuple[int, str], str]]:
    """Yield where hours end too early, or begin too late, and what comes of it."""
    if not intervals:
        return
    first, last = intervals[0].start, intervals[-1].end
    if last <= now:
        days = (now - last).days
        told = f"{_day(last)} was the last of it, {days} days before {_day(now)}"
        since = "the market is taken to be open ever since"
        yield (len(intervals) - 1, "end"), f"{told}: {since}"
    if first > now:
        told = f"{_day(first)} is the first of it, after {_day(now)}"
        yield (0, "start"), f"{told}: the market is taken to be open till then"


def _remedy(exchange: str, output: str, now: datetime) -> str:
    """Return the command that writes hours which cover a day, and a year from it."""
    days = f"--from {now - BEFORE:%Y-%m-%d} --to {now + AFTER:%Y-%m-%d}"
    return f"airnet policy calendar {exchange} {days} --output {output} writes it anew"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
