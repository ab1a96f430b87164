"""Staging: a scenario of the catalogue, with a seed, made ready to be played."""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airnet._ext import twin as kernel
from airnet.config import Site
from airnet.twin.scenario import Expectation, Label
from airnet.twin.stage import Kind, Place, World
from airnet.twin.tally import may_be_contained

#: How long a scenario is played where neither it nor the caller says.
DURATION_S = 20.0


class PlanStage:
    """A Plan as a Stage: rows, labels and expectation of one scenario and seed."""

    def __init__(self, plan: Any, expectation: Expectation, severity: str) -> None:
        self.scenario: str = plan.scenario
        self.seed: int = plan.seed
        self.difficulty: float = plan.difficulty
        self.severity = severity
        self.span_ns: tuple[int, int] = plan.start_ns, plan.end_ns
        self.site: Site = plan.site()
        self.labels: tuple[Label, ...] = tuple(
            sorted(plan.labels, key=lambda label: label.onset_ns)
        )
        self.expectation = expectation
        self._rows: dict[str, NDArray[np.void]] = plan.rows()
        self.lines = tuple(_place(plan, line) for line in range(plan.count("line")))

    def world(self, kind: Kind, *, is_seen: bool) -> World:
        """Return a fresh world; `is_seen`: with the mirror's frames."""
        start_ns, end_ns = self.span_ns
        return kernel.World(
            self.seed,
            start_ns,
            end_ns,
            kernel.WIRE if is_seen else kernel.BLIND,
            **(self._calm() if kind is Kind.CALM else self._rows),
        )

    def _calm(self) -> dict[str, NDArray[np.void]]:
        """Return the rows without what may be contained; all else stays as it is."""
        marks: list[Any] = [one for one in self.labels if may_be_contained(one)]
        numbers = {mark.number for mark in marks}
        guilty = {line for mark in marks for line in mark.lines}
        rows = dict(self._rows)
        for name in ("strike", "trouble"):
            rows[name] = rows[name][~np.isin(rows[name]["incident"], list(numbers))]
        failing = rows["agent"]["line"][rows["fault"]["agent"]]
        rows["fault"] = rows["fault"][~np.isin(failing, list(guilty))]
        return rows


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
    catalogue: Any = importlib.import_module("airnet.twin.catalogue")
    plans: Any = importlib.import_module("airnet.twin.plan")
    spec = catalogue.scenario(scenario).spec
    wanted = {"duration_s": max(DURATION_S, spec.duration_s), **size}
    plan = catalogue.build(
        scenario, seed, size=plans.Size(difficulty=difficulty, **wanted), of=domain
    )
    return PlanStage(plan, spec.expectation, spec.severity)


def _place(plan: Any, line: int) -> Place:
    row = plan.row("line", line)
    return Place(
        client=plan.address(int(row["client"])),
        port=int(row["client_port"]),
        comp=plan.comp(line),
        gateway=plan.address(int(row["gateway"])),
        gateway_port=int(row["gateway_port"]),
        kind=plan.kind_of(line),
    )
