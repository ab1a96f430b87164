"""Review: a Comparison as its reader wants it, most important first."""

from airnet.twin.diff import GATE_SEEDS_MIN, Comparison, Measure, Row, Side
from airnet.twin.policyfile import Lean
from airnet.twin.sheet import Sheet, change, number, percent, seeds

MEASURE_COLUMNS = ("scenario", "severity", "", "number", "before", "after", "change")


def sheets(found: Comparison) -> list[Sheet]:
    """Return what `airnet twin diff` says, as tables."""
    return [
        _gate(found),
        *_fields(found),
        _scenarios(found, "Incidents", is_benign=False),
        _scenarios(found, "Benign days", is_benign=True),
        _money(found),
        _days(found),
        _method(found),
    ]


def _gate(found: Comparison) -> Sheet:
    title = "Gate: passes" if found.gate.passes else "Gate: does not pass"
    note = (
        f"No severe scenario got worse beyond its interval: "
        f"{', '.join(found.gate.severe)}."
    )
    if not found.gate.passes:
        note = "\n".join(f"- {reason}" for reason in found.gate.reasons)
    return Sheet(title=title, note=note)


def _fields(found: Comparison) -> list[Sheet]:
    """Return what differs in the files; first what got looser, in so many words."""
    if not found.changes:
        return [Sheet(title="Policy", note="The two policies are the same.")]
    rows = tuple(
        (one.field, _value(one.before), _value(one.after), str(one.lean), one.why)
        for one in found.changes
    )
    notes = []
    for lean, words in ((Lean.LOOSER, "looser"), (Lean.BOLDER, "bolder")):
        names = [one.field for one in found.changes if one.lean is lean]
        notes.append(f"Got {words}: {', '.join(names) or 'nothing'}.")
    columns = ("field", "before", "after", "leans", "what it means")
    return [Sheet(title="Policy", columns=columns, rows=rows, note="\n".join(notes))]


def _value(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _scenarios(found: Comparison, title: str, *, is_benign: bool) -> Sheet:
    """Return the scenarios that change; the others are named under the table."""
    wanted = [row for row in found.rows if (row.severity == "benign") == is_benign]
    rows = [line for row in wanted if row.verdict != "same" for line in _row_lines(row)]
    same = [row for row in wanted if row.verdict == "same"]
    note = ""
    if same:
        bound = percent(max(row.changed_max for row in same))
        note = (
            f"The same on every day played: {', '.join(r.scenario for r in same)} "
            f"(at {percent(found.level)}, at most {bound} of such days change)."
        )
    if not wanted:
        note = "None was played."
    columns = MEASURE_COLUMNS if rows else ()
    return Sheet(title=title, columns=columns, rows=tuple(rows), note=note)


def _row_lines(row: Row) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for one in row.measures:
        head = ("", "") if lines else (row.scenario, row.severity)
        lines.append((*head, _mark(one), *_measure(one)))
    return lines


def _mark(one: Measure) -> str:
    if one.is_worse:
        return "worse"
    return "better" if one.is_better else ""


def _measure(one: Measure) -> tuple[str, ...]:
    name = f"{one.name}, {one.unit}"
    return name, number(one.before), number(one.after), change(one.difference)


def _money(found: Comparison) -> Sheet:
    return Sheet(
        title="Dollars a trading day",
        columns=("number", "before", "after", "change"),
        rows=tuple(_measure(one) for one in found.per_day),
        note="By the priors, which are nobody's measurement (docs/twin.md).",
    )


def _days(found: Comparison) -> Sheet:
    """Return the days to look at, so that a reader can play them one by one."""
    rows = []
    for row in found.rows:
        for what, days in (
            ("no longer contained", row.lost),
            ("now contained", row.won),
            ("more false containments", row.hit),
            ("fewer false containments", row.spared),
        ):
            if days:
                rows.append((row.scenario, what, seeds(days)))
    note = (
        "Play one with `airnet twin run SCENARIO --enforce --domain DOMAIN --seed N "
        "--policy FILE`."
    )
    if not rows:
        return Sheet(title="Days that change", note="None.")
    columns = ("scenario", "what", "seeds")
    return Sheet(title="Days that change", columns=columns, rows=tuple(rows), note=note)


def _method(found: Comparison) -> Sheet:
    pairs = sorted({row.pairs for row in found.rows}) or [0]
    lines = [
        _side("before", found.before),
        _side("after", found.after),
        (
            f"{len(found.rows)} scenarios, {_range(pairs)} pairs of plays each "
            f"(the gate wants {GATE_SEEDS_MIN}), the same seeds under both policies."
        ),
        (
            f"Intervals: {percent(found.level)}, expanded percentile bootstrap of the "
            f"pairs, {found.resamples:,} resamples. In brackets: from, to."
        ),
        "An incident that was never contained counts until the end of its episode.",
    ]
    if found.difficulty is not None:
        lines.append(f"Difficulty {found.difficulty:g} throughout.")
    return Sheet(title="How it was measured", note="\n".join(f"- {x}" for x in lines))


def _range(found: list[int]) -> str:
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"


def _side(word: str, side: Side) -> str:
    text = f"{word}: {side.file}, policy {side.name!r}, SHA-256 {side.digest or '-'}"
    if side.is_as_enforced:
        text += "; what is in shadow in both was played as if enforced"
    return text
