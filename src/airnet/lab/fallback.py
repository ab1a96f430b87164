"""The demonstration without a lab: the same scenes, generated, with simulated hands.

For hosts without root or kernel support. Open loop: a recording cannot react, so what
is judged is what was decided, when, of whom, and that it ends; never an effect. Who
generates is given by the caller: the lab and the twin do not know each other.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from airnet.clock import SystemClock
from airnet.config import Site
from airnet.domain.verdict import CONTAINABLE, Cause
from airnet.lab.channel import Json
from airnet.lab.chronicle import Chronicle, acted
from airnet.lab.demo import SEED, interruptible, prepare
from airnet.lab.follow import Follow
from airnet.lab.papers import Papers
from airnet.lab.rerun import rerun
from airnet.lab.result import (
    Decided,
    DecisionTimes,
    DemoResult,
    Expectation,
    Report,
    SceneSpan,
    SessionCounts,
    Stage,
)
from airnet.lab.tape import Tape

SCENARIO = "demo"
NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000
DECIDED_WITHIN_NS = 1 * NS_PER_S
#: Another batch size than the default, for the second replay.
BATCH = 7
DIRECTIONS = ("up", "down")


class Label(Protocol):
    """What really happened in a generated capture, from when to when, who did it."""

    @property
    def cause(self) -> Cause:
        """The cause."""

    @property
    def onset_ns(self) -> int:
        """When it began."""

    @property
    def offset_ns(self) -> int:
        """When it was over."""

    @property
    def sessions(self) -> tuple[tuple[str, str], ...]:
        """The culprits: client "ip:port" and CompID."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The culprits' addresses."""

    @property
    def about(self) -> str:
        """What it was, for people."""


class Episode(Protocol):
    """A generated capture with its labels."""

    @property
    def labels(self) -> Sequence[Label]:
        """What happened."""

    @property
    def truth(self) -> Mapping[str, Mapping[str, int]]:
        """Messages by MsgType and direction."""

    @property
    def site(self) -> Site:
        """The network it is of."""

    def write(self, path: Path) -> None:
        """Write it as a capture file."""


Generate = Callable[[str, int], Episode]


def run_generated(
    directory: Path,
    report: Report,
    generate: Generate,
    *,
    missing: Sequence[str] = (),
    seed: int = SEED,
) -> DemoResult:
    """Generate the scenes, replay them, judge what was decided.

    Args:
        directory: where the run's files go; an earlier run's is replaced.
        report: told everything while it happens.
        generate: makes a scenario's episode under a seed.
        missing: what kept this from being the lab.
        seed: of everything that is drawn by lot.

    Raises:
        AirnetError: the replay failed.
    """
    clock = SystemClock()
    begin_ns = clock.now_ns()
    papers = Papers(directory=prepare(directory))

    def say(text: str) -> None:
        report(Stage(time_ns=clock.now_ns(), text=text))

    with interruptible():
        say("The scenes are generated")
        episode = generate(SCENARIO, seed)
        episode.write(papers.recording)
        papers.write_site(episode.site)
        say("airnet replays them; its containments are simulated")
        summary = rerun(papers, papers.decisions, ledger=papers.ledger)
        for line in Follow(papers.decisions).new():
            report(Decided(time_ns=clock.now_ns(), line=line))
        say("Once more, with another batch size")
        again = papers.directory / "replayed.jsonl"
        rerun(papers, again, batch=BATCH)
        is_same = again.read_bytes() == papers.decisions.read_bytes()
        say("Recording and ledger are examined")
        result = _examine(papers, episode, summary, is_same=is_same)
    for expectation in result.expectations:
        report(expectation)
    result = msgspec.structs.replace(
        result, begin_ns=begin_ns, end_ns=clock.now_ns(), missing=tuple(missing)
    )
    (papers.directory / "result.json").write_bytes(msgspec.json.encode(result))
    return result


def _examine(
    papers: Papers, episode: Episode, summary: Json, *, is_same: bool
) -> DemoResult:
    """Read every record back and judge."""
    chronicle = Chronicle(papers.ledger)
    gateway = episode.site.gateways[0]
    tape = Tape(papers.recording, (gateway.ip, gateway.port))
    decisions, ledger = chronicle.decisions(), chronicle.state()
    scenes = _scenes(episode, tape.span())
    expectations = [
        *(check for label in episode.labels for check in _label(label, decisions)),
        _nobody_else(episode, decisions),
        _counted(episode, summary),
        _check(
            "whole",
            "replay at another batch size decides the same, byte for byte",
            f"{len(decisions)} decisions, the same",
            "the same" if is_same else "something else",
            ok=is_same and bool(decisions),
        ),
        _check(
            "whole",
            "the ledger verifies",
            "no problem",
            "; ".join(ledger.problems) or f"{ledger.size} entries",
            ok=not ledger.problems and ledger.size > 0,
        ),
    ]
    return DemoResult(
        kind="generated",
        directory=str(papers.directory),
        begin_ns=0,
        end_ns=0,
        missing=(),
        scenes=scenes,
        expectations=tuple(expectations),
        decisions=decisions,
        stories=chronicle.stories(),
        sessions=_sessions(episode.site, tape),
        series=tape.series(),
        ledger=ledger,
        replay=summary,
        processes={"replay": float(str(summary.get("cpu_s", 0)))},
        source=papers.recording.name,
    )


def _scenes(episode: Episode, span: tuple[int, int]) -> tuple[SceneSpan, ...]:
    """Return the labelled stretches and the quiet ones between them."""
    scenes = []
    at_ns = span[0]
    for label in [*episode.labels, None]:
        until_ns = label.onset_ns if label else span[1]
        scenes.append(
            SceneSpan(name="quiet", title="Quiet", begin_ns=at_ns, end_ns=until_ns)
        )
        if label is not None:
            at_ns = label.offset_ns
            scenes.append(
                SceneSpan(
                    name=label.cause.value,
                    title=label.about,
                    begin_ns=until_ns,
                    end_ns=at_ns,
                )
            )
    return tuple(scenes)


def _label(label: Label, decisions: Sequence[DecisionTimes]) -> list[Expectation]:
    """Expect the right thing of what happened: contained in time, or let be."""
    scene = label.cause.value
    within = [one for one in decisions if acted(one) and _is_within(one, label)]
    said = ", ".join(f"{one.action} {' '.join(one.target)}" for one in within)
    if label.cause not in CONTAINABLE:
        expected = "no containment"
        return [
            _check(
                scene, "nobody is contained", expected, said or expected, ok=not within
            )
        ]
    culprits = {name for session in label.sessions for name in session}
    culprits |= set() if culprits else set(label.hosts)
    right = [
        one
        for one in within
        if one.cause == label.cause and culprits.issuperset(one.target)
    ]
    checks = [
        _check(
            scene,
            "it is contained, and nothing else is",
            " ".join(sorted(culprits)),
            said or "no containment",
            ok=bool(right) and len(right) == len(within),
        )
    ]
    if not right:
        return checks
    late_ms = (right[0].decided_ns - label.onset_ns) / NS_PER_MS
    return [
        *checks,
        _check(
            scene,
            "it is decided in time",
            f"within {DECIDED_WITHIN_NS // NS_PER_MS} ms of the onset",
            f"{late_ms:.1f} ms",
            ok=late_ms * NS_PER_MS <= DECIDED_WITHIN_NS,
        ),
        _check(
            scene,
            "the containment ends by itself",
            "ended",
            right[0].state,
            ok=right[0].ended_ns > 0,
        ),
    ]


def _nobody_else(episode: Episode, decisions: Sequence[DecisionTimes]) -> Expectation:
    """Expect no containment outside what happened."""
    stray = [
        f"{one.action} {' '.join(one.target)}"
        for one in decisions
        if acted(one) and not any(_is_within(one, label) for label in episode.labels)
    ]
    return _check(
        "quiet",
        "nobody is contained",
        "no containment",
        ", ".join(stray) or "no containment",
        ok=not stray,
    )


def _counted(episode: Episode, summary: Json) -> Expectation:
    """Expect every generated message to have been decoded."""
    decoded = msgspec.convert(summary.get("messages", {}), dict[str, dict[str, int]])
    kinds = sorted({*decoded, *episode.truth})
    differing = [
        kind
        for kind in kinds
        for way in DIRECTIONS
        if decoded.get(kind, {}).get(way, 0) != episode.truth.get(kind, {}).get(way, 0)
    ]
    total = sum(sum(ways.values()) for ways in episode.truth.values())
    return _check(
        "whole",
        "every message is decoded",
        f"{total} messages",
        f"MsgType {', '.join(differing)} differs" if differing else f"{total} messages",
        ok=not differing and total > 0,
    )


def _is_within(decision: DecisionTimes, label: Label) -> bool:
    """Return whether a Decision was made while something went on, or just after."""
    until_ns = label.offset_ns + DECIDED_WITHIN_NS
    return label.onset_ns <= decision.decided_ns < until_ns


def _sessions(site: Site, tape: Tape) -> tuple[SessionCounts, ...]:
    """Return what the mirror shows of each session, for either end."""
    return tuple(
        SessionCounts(
            firm=firm.name,
            comp_id=session.comp_id,
            host=session.host,
            by_firm=tape.tally(session.comp_id),
            by_venue=tape.tally(session.comp_id),
        )
        for firm in site.firms
        for session in firm.sessions
    )


def _check(
    scene: str, name: str, expected: str, found: str, *, ok: bool
) -> Expectation:
    return Expectation(scene=scene, name=name, expected=expected, found=found, ok=ok)
