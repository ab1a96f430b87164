"""Table: what a bench found, for people."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from airnet.bench import guard, live


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
    if "replay" in found:
        parts.append(_replay(found["replay"]))
    if "lab" in found:
        parts.append(_lab(found["lab"]))
    if "live" in found:
        parts.append(live.table(found["live"]))
    if "guard" in found:
        parts.append(guard.table(found["guard"]))
    if "twin" in found:
        parts.append(_twin(found["twin"]))
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


def _replay(found: dict[str, Any]) -> RenderableType:
    """Return CPU beside tcpdump's, and how it keeps what is promised."""
    if "missing" in found:
        return Text(f"replay: missing: {found['missing']}", style="yellow")
    table = Table(title="replay to features, CPU", title_justify="left")
    for name in ("program", "capture"):
        table.add_column(name)
    for name in ("packets", "min s", "median s", "ns/packet", "peak MiB"):
        table.add_column(name, justify="right")
    for runs in found["runs"]:
        table.add_row(
            runs["program"],
            runs["capture"],
            f"{runs['packets']:,}",
            f"{runs['min_cpu_s']:.3f}",
            f"{runs['median_cpu_s']:.3f}",
            f"{runs['min_ns_per_packet']:.0f}",
            f"{runs['peak_rss_bytes'] / 2**20:.1f}" if runs["peak_rss_bytes"] else "-",
        )
    stages = "; ".join(
        f"{name}: " + ", ".join(f"{stage} {ns:.0f}" for stage, ns in each.items())
        for name, each in found["stages_ns_per_packet"].items()
    )
    said = (
        f"quiet over tcpdump {found['ratio_to_tcpdump']:.2f}"
        f" (limit {found['limit_to_tcpdump']});"
        f" a flood's packet over a quiet one {found['ratio_flood_to_quiet']:.2f}"
        f" (limit {found['limit_flood_to_quiet']});"
        f" {found['flood_extra_rss_bytes'] / 2**20:.1f} MiB more"
        f" (limit {found['limit_extra_rss_bytes'] >> 20})\n"
        f"start {found['start_cpu_s'] * 1e3:.0f} ms; ns a packet of {stages}"
    )
    return Group(table, Text(said))


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


def _twin(found: dict[str, Any]) -> RenderableType:
    """Return what virtual time costs, and how that is to what was wanted."""
    table = Table(
        title=f"the twin, {found['sessions']} sessions, {found['symbols']} symbols, "
        f"{found['virtual_s']:.0f} virtual s; a second of CPU",
        title_justify="left",
    )
    table.add_column("run")
    for name in ("events", "frames", "CPU s", "events/s", "frames/s", "x real"):
        table.add_column(name, justify="right")
    for run in found["runs"]:
        table.add_row(
            run["what"],
            f"{run['events']:,}",
            f"{run['frames']:,}",
            f"{run['cpu_s']:.2f}",
            f"{run['events_per_cpu_s']:,.0f}",
            f"{run['frames_per_cpu_s']:,.0f}",
            f"{run['times_real']:.1f}",
        )
    lines = [
        f"{one['what']}: {one['found']:,.0f}, wanted {one['wanted']:,}: "
        + ("met" if one["met"] else "not met")
        for one in found["wanted"]
    ]
    return Group(table, Text("\n".join(lines)))


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
