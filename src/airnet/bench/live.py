"""Live: AF_XDP to feature rows on a veth, beside a receiver that drops every frame.

In one run, in turns: frames a second; loss at 0.7 of that; how long a frame that comes
alone waits for its rows. See bench/README.md for what the numbers mean.
"""

from typing import Any

from rich.table import Table

from airnet.bench import apart

#: How long the steady rate is held.
SECONDS = 60.0
LIMIT_S = 120


def measure(seconds: float = SECONDS) -> dict[str, Any]:
    """Return rate, steady and latency; where they cannot be had, what is missing."""
    return apart.run(
        "livetrial",
        str(seconds),
        limit_s=LIMIT_S + 2 * seconds,
        needs="namespaces, XDP",
    )


def table(found: dict[str, Any]) -> Table:
    """Return the figures for people, each beside what it is to be."""
    shown = Table(title="live, on a veth", title_justify="left")
    for name in ("", "found", "wanted"):
        shown.add_column(name)
    if "missing" in found:
        shown.add_row(f"[yellow]missing: {found['missing']}[/yellow]")
        return shown
    rate, steady, late = found["rate"], found["steady"], found["latency"]
    shown.add_row("frames/s dropping each", f"{rate['dropping_per_second']:,}")
    shown.add_row("frames/s to feature rows", f"{rate['airnet_per_second']:,}")
    shown.add_row("ratio", f"{rate['ratio']:.2f}", "0.80 or more")
    shown.add_row(
        f"lost of {steady['sent']:,} at {steady['sent_per_second']:,}/s",
        f"{steady['lost']:,}",
        "0",
    )
    is_exact = rate["is_exact"] and steady["is_exact"]
    shown.add_row("every loss has its reason", "yes" if is_exact else "NO", "yes")
    for name, part in (("AF_XDP wake-up", "wake_up"), ("feature row", "feature_row")):
        shown.add_row(
            f"frame to {name}: p50, p99, max us",
            "{p50_us:.2f}, {p99_us:.2f}, {max_us:.0f}".format(**late[part]),
        )
    shown.add_row(
        "row above wake-up, p50 us", f"{late['above_p50_us']:.2f}", "5 or less"
    )
    return shown
