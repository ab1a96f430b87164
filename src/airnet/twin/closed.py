"""Loop: a scenario played with the product's own stages deciding, in virtual time.

The frames of the world go through the Pipeline that runs live and in replay; what it
decides is carried out by Standing through an actuator of the world, and takes as long
to arrive as it would in reality. A window may close with any frame, of a flood that is
young within a millisecond: a slice of virtual time is as long as the fastest command
takes, so that none comes late and no Outcome depends on the slices. Only where the
capture's clock is off, a command may be late by one slice.
"""

import gc
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import msgspec

from airnet import __version__
from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import IN_FORCE, Standing
from airnet.clock import SimulatedClock
from airnet.decide.policy import Policy
from airnet.domain.containment import Containment, State
from airnet.domain.decision import PASSIVE, Decision
from airnet.domain.verdict import Verdict
from airnet.pipeline import Pipeline, known_addresses, last_bad_ns, think
from airnet.record.ledger import Ledger
from airnet.record.memory import MemoryLedger
from airnet.score.scorer import Scorer
from airnet.stride import Stride
from airnet.twin import tally
from airnet.twin.actuator import Hold, Latency, WorldActuator
from airnet.twin.harm import Ran
from airnet.twin.outcome import Act
from airnet.twin.root import Root
from airnet.twin.source import WorldSource
from airnet.twin.stage import Kind, Stage, World, accounts_of, books_of

if TYPE_CHECKING:
    from airnet.capture.source import Tape

How = Literal["closed", "open", "none"]
#: As the running service looks whether what stands has an effect.
EFFECT_EVERY_NS = 50_000_000


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """A Decision that a person made: carried out at `at_ns`, whatever policy says."""

    at_ns: int
    decision: Decision


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a play is held under, beside scenario and policy.

    `slice_ns` is the longest slice of virtual time; 0: as long as may be. `is_rooted`
    false leaves the frames out of the root, which saves making and hashing them: what
    became of the world stands for them. `ledger` and `tape` are written when given.
    `look` is called after each slice with the virtual time, the world and the number
    of frames so far.
    """

    latency: Latency = Latency()
    slice_ns: int = 0
    is_rooted: bool = True
    ordered: tuple[Ordered, ...] = ()
    ledger: Ledger | None = None
    tape: "Tape | None" = None
    look: Callable[[int, World, int], None] | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one run of the loop, before it is judged."""

    ran: Ran
    decisions: tuple[Decision, ...]
    acts: tuple[Act, ...]
    state_changes: int
    frames: int
    virtual_ns: int
    root: str


class TwinHands:
    """Carries Decisions out in virtual time and keeps account of them."""

    def __init__(
        self, standing: Standing, clock: SimulatedClock, source: WorldSource
    ) -> None:
        self.standing = standing
        self.clock = clock
        self._source = source
        self.decisions: list[Decision] = []
        self.states: dict[str, State] = {}
        self._sent: dict[str, Decision] = {}
        self.changes = 0

    def carry_out(self, decision: Decision, verdict: Verdict | None) -> None:
        """Record, act and record, when the frame came that closed the window.

        The capture's clock may have stepped; the world's has not: the command leaves
        within the slice that showed the frame.
        """
        before_ns, source = self.clock.time_ns, self._source
        shown_ns = source.first_ns(decision.t_ns)
        self.order(decision, verdict, min(max(before_ns, shown_ns), source.until_ns))
        self.clock.time_ns = before_ns

    def order(self, decision: Decision, verdict: Verdict | None, now_ns: int) -> None:
        """Record, act and record, at this time of the world."""
        self.decisions.append(decision)
        self.clock.time_ns = now_ns
        outcome = self.standing.carry_out(decision, verdict)
        if outcome is not None:
            self.states[decision.id] = outcome.state
            self._sent[decision.id] = decision
            self.changes += outcome.state in IN_FORCE and not self._goes_on(decision)

    def tick(self, now_ns: int) -> None:
        """Do nothing: what stands ends by the world's clock, see `settle`."""

    def settle(self) -> None:
        """Record what has ended by now."""
        for ended in self.standing.tick(self.clock.time_ns):
            self._note(ended)

    def _goes_on(self, decision: Decision) -> bool:
        """Return whether the same stands by another Decision: one renewed the other."""
        found = {one.decision_id: one for one in self.standing.in_force}
        found.pop(decision.id, None)
        others = (self.standing.decision(key) for key in found)
        alike = (one for one in others if one is not None)
        return any(
            (one.action, one.target) == (decision.action, decision.target)
            for one in alike
        )

    def observe(self, decision_id: str, bad_ns: int) -> None:
        """Compare one that stands with what the mirror shows."""
        found = self.standing.observe_effect(decision_id, bad_ns, self.clock.time_ns)
        if found is not None and found.state is not self.states[decision_id]:
            self._note(found)

    def _note(self, now: Containment) -> None:
        if now.state is not State.VERIFIED:
            self.changes += not self._goes_on(self._sent[now.decision_id])
        # That it was verified says more than that it is over.
        if self.states[now.decision_id] is not State.VERIFIED:
            self.states[now.decision_id] = now.state


def policy_digest(policy: Policy) -> str:
    """Return the SHA-256 of a policy as read, in hex: a comment changes nothing."""
    return hashlib.sha256(msgspec.json.encode(policy, order="sorted")).hexdigest()


class Loop:
    """One run of a stage's world with the product watching it.

    Args:
        stage: what is played.
        policy: what may be done.
        scorer: the models.
        how: `closed` contains; `open` only decides.
        terms: everything else.
    """

    def __init__(
        self, stage: Stage, policy: Policy, scorer: Scorer, how: How, terms: Terms
    ) -> None:
        self._stage, self._terms = stage, terms
        self._start_ns, self._end_ns = stage.span_ns
        self._root = Root(terms.tape, is_rooted=terms.is_rooted)
        # Frames are only made for who wants their bytes: the rows are the same.
        is_decoded = not self._root.is_needed
        self.world = stage.world(Kind.WHOLE, is_seen=True, is_decoded=is_decoded)
        self._clock = SimulatedClock(self._start_ns)
        self._actuator = WorldActuator(
            self.world, stage.lines, self._clock, terms.latency, self._known
        )
        acting = self._actuator if how == "closed" else SimulatedActuator(self._clock)
        ledger = terms.ledger or MemoryLedger()
        self._brain = think(stage.site, policy, scorer)
        self._source = WorldSource(
            self.world, self._brain.decoder if is_decoded else None, self._clock
        )
        # Who looks after each slice, or wants short ones, sees every one of them.
        self._may_coast = is_decoded and not terms.slice_ns and terms.look is None
        standing = Standing([acting], ledger, self._clock)
        self._hands = TwinHands(standing, self._clock, self._source)
        self._lane = Pipeline(
            self._source,
            self._brain,
            self._hands,
            on_decision=lambda _: None,
            tape=self._root if self._root.is_needed else None,
        )
        self._lane.at_once(
            Stride(self._source, self._brain.decoder, self._brain.windows)
        )
        self._ordered = sorted(terms.ordered, key=lambda one: one.at_ns)
        ledger.append("start", self._start_ns, self._beginning(policy, scorer, how))
        self._ledger = ledger

    def _known(self) -> list[str]:
        """Return who passes the switch, as the service tells the controller."""
        return known_addresses(self._stage.site, self._brain.decoder.sessions)

    def run(self) -> Heard:
        """Run the world to its end and return what came of it.

        Raises:
            UnsupportedError: the world was built too small.
            LedgerError: the ledger cannot be written.
        """
        now_ns = self._start_ns
        try:
            while now_ns < self._end_ns:
                now_ns = self._slice(now_ns)
                self._act(now_ns)
        finally:
            self._brain.decoder.close()
        return self._heard()

    def _next(self, now_ns: int) -> int:
        """Return where this slice ends: nothing that is decided in it arrives in it."""
        end_ns = min(now_ns + self._terms.latency.least_ns, self._end_ns)
        if self._terms.slice_ns:
            end_ns = min(end_ns, now_ns + self._terms.slice_ns)
        if self._hands.standing.has_any:
            look_ns = now_ns - now_ns % EFFECT_EVERY_NS + EFFECT_EVERY_NS
            end_ns = min(end_ns, look_ns)
        if self._actuator.next_ns is not None:
            end_ns = min(end_ns, self._actuator.next_ns)
        if self._ordered:
            end_ns = min(end_ns, max(self._ordered[0].at_ns, now_ns))
        return end_ns

    def _slice(self, now_ns: int) -> int:
        """Let the world go on, and the product look at it; return until when.

        While nothing stands or is on its way, slices in which no window closes follow
        one another without a pause.
        """
        source = self._source
        source.until_ns = self._next(now_ns)
        if (
            self._may_coast
            and not self._hands.standing.has_any
            and self._actuator.next_ns is None
            and not self._ordered
        ):
            source.course = self._end_ns, self._terms.latency.least_ns
        self._lane.step(0)
        while not source.is_exhausted:
            self._lane.step(0)
        return source.until_ns

    def _act(self, now_ns: int) -> None:
        """Have the world obey what has arrived; look at what stands."""
        self._clock.time_ns = now_ns
        while self._ordered and self._ordered[0].at_ns <= now_ns:
            self._hands.order(self._ordered.pop(0).decision, None, now_ns)
        if self._actuator.next_ns is not None:
            self._actuator.arrive(now_ns)
        if self._hands.standing.has_any:
            self._hands.settle()
            if now_ns % EFFECT_EVERY_NS == 0:
                self._look()
        if self._terms.look is not None:
            self._terms.look(now_ns, self.world, self._source.seen)

    def _look(self) -> None:
        """Tell Standing what the mirror shows of what stands, as the service does."""
        standing = self._hands.standing
        for containment in standing.in_force:
            decision = standing.decision(containment.decision_id)
            # What an order by hand is about, no window names: nothing to look at.
            if decision is not None and decision.window_kind:
                bad_ns = last_bad_ns(self._brain, decision)
                if bad_ns is not None:
                    self._hands.observe(decision.id, bad_ns)

    def _beginning(self, policy: Policy, scorer: Scorer, how: How) -> dict[str, object]:
        """Return the ledger's first entry: from it the run can be had again."""
        stage = self._stage
        return {
            "version": __version__,
            "mode": "twin",
            "loop": how,
            "scenario": stage.scenario,
            "seed": stage.seed,
            "origin": stage.origin,
            "latency_ns": msgspec.to_builtins(self._terms.latency),
            "site": hashlib.sha256(msgspec.json.encode(stage.site)).hexdigest(),
            "policy": policy_digest(policy),
            "policy_text": msgspec.json.encode(policy, order="sorted").decode(),
            **scorer.provenance(),
        }

    def _heard(self) -> Heard:
        """Return what came of it."""
        self._lane.finish()
        self._hands.settle()
        self._actuator.finish(self._end_ns)
        ran = Ran(
            end_ns=self._end_ns,
            accounts=accounts_of(self.world),
            books=books_of(self.world),
            events=self.world.events,
        )
        came = msgspec.json.encode((ran, self._source.seen), order="sorted")
        root = self._root.of(self._hands.decisions, came)
        body: dict[str, object] = {"frames": self._source.seen, "root": root}
        self._ledger.append("end", self._end_ns, body)
        self._ledger.sync()
        return Heard(
            ran=ran,
            decisions=tuple(self._hands.decisions),
            acts=tuple(
                self._act_of(one)
                for one in self._hands.decisions
                if one.action not in PASSIVE
            ),
            state_changes=self._hands.changes,
            frames=self._source.seen,
            virtual_ns=self._end_ns - self._start_ns,
            root=root,
        )

    def _act_of(self, decision: Decision) -> Act:
        """Return what became of a containment, and whether it was right."""
        act = tally.act_of(decision, self._stage.labels, self._stage.bystanders)
        hold: Hold | None = self._actuator.holds.get(decision.id)
        is_obeyed = hold is not None and hold.is_in_force
        return msgspec.structs.replace(
            act,
            effect_ns=hold.effect_ns if hold is not None and is_obeyed else 0,
            ended_ns=hold.ended_ns if hold is not None and is_obeyed else 0,
            state=self._hands.states.get(decision.id, State.INTENDED),
            lines=self._actuator.reached(decision),
        )


def hear(stage: Stage, policy: Policy, scorer: Scorer, how: How, terms: Terms) -> Heard:
    """Run a Loop to its end, and give back what it took.

    A world is megabytes behind a few objects, some in cycles: the collector, which
    counts objects, would let hundreds of them pile up.

    Raises:
        UnsupportedError: the world was built too small.
        LedgerError: the ledger cannot be written.
    """
    heard = Loop(stage, policy, scorer, how, terms).run()
    gc.collect()
    return heard
