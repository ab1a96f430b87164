"""Staging: a scenario of the catalogue, with a seed, made ready to be played."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet._ext import twin as kernel
from airnet.config import Site
from airnet.twin import catalogue
from airnet.twin.plan import Plan, Size
from airnet.twin.scenario import Label
from airnet.twin.spec import Mark, Spec
from airnet.twin.stage import Kind, Place, World
from airnet.twin.tally import may_be_contained

#: How long a scenario is played where neither it nor the caller says.
DURATION_S = 20.0


class PlanStage:
    """A Plan as a Stage: rows, labels and expectation of one scenario and seed."""

    def __init__(self, plan: Plan, spec: Spec, origin: dict[str, str]) -> None:
        self.scenario, self.seed = plan.scenario, plan.seed
        self.origin = {**origin, "difficulty": repr(plan.difficulty)}
        self.difficulty = plan.difficulty
        self.severity = spec.severity
        self.span_ns: tuple[int, int] = plan.start_ns, plan.end_ns
        self.site: Site = plan.site()
        self._marks: tuple[Mark, ...] = tuple(
            sorted(plan.labels, key=lambda label: label.onset_ns)
        )
        self.labels: tuple[Label, ...] = self._marks
        self.expectation = spec.expectation
        guilty = {
            host
            for mark in self._marks
            if may_be_contained(mark)
            for host in mark.hosts
        }
        everybody = {plan.address(host) for host in range(plan.count("host"))}
        self.bystanders = frozenset(everybody - guilty)
        self._rows: dict[str, NDArray[np.void]] = plan.rows()
        self._strays = sorted(plan.strangers)
        self.lines = tuple(_place(plan, line) for line in range(plan.count("line")))

    def world(self, kind: Kind, *, is_seen: bool, is_decoded: bool = False) -> World:
        """Return a fresh world; `is_seen`: with the mirror's frames.

        `is_decoded`: with their rows instead, once it is attached to a decoder.
        """
        seen = kernel.ROWS if is_decoded else kernel.WIRE
        start_ns, end_ns = self.span_ns
        return kernel.World(
            self.seed,
            start_ns,
            end_ns,
            seen if is_seen else kernel.BLIND,
            **(self._calm() if kind is Kind.CALM else self._rows),
        )

    def _calm(self) -> dict[str, NDArray[np.void]]:
        """Return the rows without what may be contained; all else stays as it is."""
        marks = [one for one in self._marks if may_be_contained(one)]
        numbers = {mark.number for mark in marks}
        rows = dict(self._rows)
        for name in ("strike", "trouble"):
            rows[name] = rows[name][~np.isin(rows[name]["incident"], list(numbers))]
        faults = rows["fault"]
        lines = rows["agent"]["line"][faults["agent"]]
        # An agent may have a legitimate habit beside its fault, at another time.
        begun = {(line, mark.onset_ns) for mark in marks for line in mark.lines}
        pairs = zip(lines.tolist(), faults["onset_ns"].tolist(), strict=True)
        is_kept = np.array([pair not in begun for pair in pairs], bool)
        rows["fault"] = faults[is_kept]
        if self._strays:  # lines that only an attacker opens
            self._silence(rows)
        return rows

    def _silence(self, rows: dict[str, NDArray[np.void]]) -> None:
        """Let the strays' lines and agents begin after the end, which is never."""
        never_ns = self.span_ns[1] + 1_000_000_000
        rows["line"], rows["agent"] = rows["line"].copy(), rows["agent"].copy()
        rows["line"]["open_ns"][self._strays] = never_ns
        rows["line"]["close_ns"][self._strays] = never_ns + 1
        theirs = np.isin(rows["agent"]["line"], self._strays)
        rows["agent"]["start_ns"][theirs] = never_ns
        rows["agent"]["end_ns"][theirs] = never_ns + 1


def stage_of(
    scenario: str,
    seed: int,
    difficulty: float | None = None,
    *,
    domain: str = "train",
    **size: float,
) -> PlanStage:
    """Return a scenario of the catalogue, ready to be played.

    Args:
        scenario: its name.
        seed: of everything in it.
        difficulty: 0 (shouts) to 1 (hides); None: drawn from the seed.
        domain: what the world is drawn from: train, tune or report.
        size: fields of a Plan's Size: sessions, symbols, duration_s.

    Raises:
        UsageError: there is no such scenario or domain.
    """
    spec = catalogue.scenario(scenario).spec
    wanted = {"duration_s": max(DURATION_S, spec.duration_s), **size}
    chosen = msgspec.convert({**wanted, "difficulty": difficulty}, Size)
    origin = {name: repr(value) for name, value in wanted.items()}
    plan = catalogue.build(scenario, seed, size=chosen, of=domain)
    return PlanStage(plan, spec, {**origin, "domain": domain})


def staged_again(scenario: str, seed: int, origin: dict[str, str]) -> PlanStage:
    """Return the stage of a recorded play.

    Raises:
        UsageError: this version has no such scenario or domain.
        ValueError: the record is not one that a stage gave.
    """
    known = dict(origin)
    difficulty, domain = float(known.pop("difficulty")), known.pop("domain")
    size = {name: float(value) for name, value in known.items()}
    whole = {name: int(size[name]) for name in size.keys() & {"sessions", "symbols"}}
    return stage_of(scenario, seed, difficulty, domain=domain, **{**size, **whole})


def _place(plan: Plan, line: int) -> Place:
    row = plan.row("line", line)
    return Place(
        client=plan.address(int(row["client"])),
        port=int(row["client_port"]),
        comp=plan.comp(line),
        gateway=plan.address(int(row["gateway"])),
        gateway_port=int(row["gateway_port"]),
        kind=plan.kind_of(line),
    )
