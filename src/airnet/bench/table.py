"""Table: what a bench found, for people."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def render(found: dict[str, Any]) -> RenderableType:
    """Return host, floor and numbers as rich tables."""
    parts: list[RenderableType] = [_header(found)]
    stages = Table(title="ns a row (over repeats)", title_justify="left")
    for name in ("stage", "row"):
        stages.add_column(name)
    for name in ("rows", "best", "median", "p90", "max"):
        stages.add_column(name, justify="right")
    for stage, costs in found.get("stages", {}).items():
        for cost in costs:
            figures = (cost[f"{name}_ns"] for name in ("best", "median", "p90", "max"))
            stages.add_row(
                stage,
                cost["row"],
                f"{cost['rows']:,}",
                *(f"{figure:,.0f}" for figure in figures),
            )
    if stages.row_count:
        parts.append(stages)
    if "lab" in found:
        parts.append(_lab(found["lab"]))
    parts.append(_floor(found.get("floor", {})))
    return Group(*parts)


def _header(found: dict[str, Any]) -> Text:
    host, given = found["host"], found.get("input", {})
    lines = [
        f"{host['cpu']}, {host['cpus']} CPUs, kernel {host['kernel']}",
        f"governor: {host['governor']}; load {host['load']}",
    ]
    if given:
        lines.append(
            f"input: twin {given['scenario']} seed {given['seed']}:"
            f" {given['frames']:,} frames, {given['messages']:,} messages,"
            f" {given['windows']:,} windows"
        )
    return Text("\n".join(lines))


def _lab(found: dict[str, Any]) -> RenderableType:
    """Return latencies in the lab, or what they lack."""
    table = Table(title="latency in the lab, us", title_justify="left")
    table.add_column("from, to")
    for name in ("trials", "p50", "p90", "p99", "max"):
        table.add_column(name, justify="right")
    for name, figures in found.items():
        if "missing" in figures:
            table.add_row(name, f"[yellow]missing: {figures['missing']}[/yellow]")
            continue
        table.add_row(
            name,
            str(figures["trials"]),
            *(f"{figures[f'{q}_us']:,.0f}" for q in ("p50", "p90", "p99", "max")),
        )
    return table


def _floor(floor: dict[str, Any]) -> Text:
    """Return the platform's own gaps in one line."""
    if not floor:
        return Text("floor: not measured")
    return Text(
        f"floor while measuring ({floor['seconds']:.1f} s of a spinning thread):"
        f" p50 {floor['p50_ns']:,} ns, p99 {floor['p99_ns']:,} ns,"
        f" p99.9 {floor['p99_9_ns']:,} ns, max {floor['max_ns'] / 1e3:,.0f} us,"
        f" {floor['over_1_ms']} gaps over 1 ms"
    )
