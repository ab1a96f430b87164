"""Hours: an exchange's calendar as plain intervals of UTC, written to a file.

Half days, holidays and breaks come from exchange_calendars; auctions are told in
minutes before the open and after the close, which that package does not know.
"""

import hashlib
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from airnet import durable
from airnet.errors import UnsupportedError, UsageError
from airnet.extras import extra


def write(
    exchange: str, days: tuple[date, date], auctions: tuple[int, int], path: Path
) -> str:
    """Write a calendar file; return its SHA-256, in hex.

    Args:
        exchange: market identifier code (ISO 10383).
        days: the first and the last, both in.
        auctions: minutes before the open, and after the close.
        path: the file.

    Raises:
        UsageError: no such exchange, or not on those days.
        UnsupportedError: the package is missing, or the file cannot be written.
    """
    version, sessions = _sessions(exchange, days)
    text = [
        "# Hours of the market, UTC. Between intervals it is closed.",
        f'exchange = "{exchange}"',
        f'source = "exchange_calendars {version}"',
    ]
    for session in sessions:
        for start, end, phase in _intervals(session, auctions):
            text += [
                "",
                "[[interval]]",
                f"start = {start:%Y-%m-%dT%H:%M:%SZ}",
                f"end = {end:%Y-%m-%dT%H:%M:%SZ}",
                f'phase = "{phase}"',
            ]
    content = ("\n".join(text) + "\n").encode()
    try:
        durable.put(path, content)
    except OSError as error:
        raise UnsupportedError(
            f"{path}: cannot be written: {error.strerror}", "give another --output"
        ) from error
    return hashlib.sha256(content).hexdigest()


#: One day: open, close, and the break between, if there is one.
Session = tuple[datetime, datetime, tuple[datetime, datetime] | None]


def _sessions(exchange: str, days: tuple[date, date]) -> tuple[str, list[Session]]:
    exchange_calendars = extra("exchange_calendars", "policy")
    try:
        with warnings.catch_warnings():
            # What pandas thinks of that package's use of it is not for our users.
            warnings.simplefilter("ignore")
            found = exchange_calendars.get_calendar(
                exchange, start=str(days[0]), end=str(days[1])
            )
            rows = list(found.schedule.itertuples())
    except (ValueError, exchange_calendars.errors.CalendarError) as error:
        raise UsageError(
            f"{exchange} from {days[0]} to {days[1]}: {error}",
            "give a code that exchange_calendars knows, and days with trading",
        ) from error
    sessions = []
    for row in rows:
        pause = (row.break_start, row.break_end)
        has_pause = row.break_start == row.break_start  # NaT is not itself
        both = (_utc(pause[0]), _utc(pause[1])) if has_pause else None
        sessions.append((_utc(row.open), _utc(row.close), both))
    return exchange_calendars.__version__, sessions


def _utc(moment: datetime) -> datetime:
    return datetime.fromtimestamp(int(moment.timestamp()), UTC)


def _intervals(
    session: Session, auctions: tuple[int, int]
) -> Iterator[tuple[datetime, datetime, str]]:
    """Yield one day's intervals, in order."""
    start, end, pause = session
    before, after = (timedelta(minutes=minutes) for minutes in auctions)
    if before:
        yield start - before, start, "auction"
    if pause is None:
        yield start, end, "continuous"
    else:
        yield start, pause[0], "continuous"
        yield pause[1], end, "continuous"
    if after:
        yield end, end + after, "auction"
