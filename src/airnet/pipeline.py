"""The order of the seven stages; the only module that knows it.

Frames go through it in capture order; inside decode they may be divided among lanes,
which changes no answer. `step` does a bounded amount of work and returns counts. The
service runs it on the real roles, replay on a file and simulated actuators; nothing
in here can tell the difference.
"""

import ipaddress
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from airnet.crowd import Crowd
from airnet.decide import Judge
from airnet.decide.findings import runs
from airnet.decide.heeds import heeds_of
from airnet.decode import Decoder
from airnet.domain.address import address_bytes, address_text
from airnet.domain.decision import Action, Decision, TargetType
from airnet.domain.session import LOGGED_ON, OPEN
from airnet.features import Windows
from airnet.features.schema import SCHEMAS
from airnet.front import BATCH_FRAMES, Front
from airnet.score.drift_habits import Habits
from airnet.score.lines import Lines
from airnet.score.looks import Looks
from airnet.score.scorer import Heeding, Watching

if TYPE_CHECKING:
    from airnet.capture.source import Source, Tape
    from airnet.config import Site
    from airnet.decide.policy import Policy
    from airnet.domain.session import Heard, Look
    from airnet.domain.verdict import Verdict
    from airnet.score.drift import Drifts
    from airnet.score.scorer import Scorer
    from airnet.stride import Stride

    Judged = Callable[[list[Verdict], list[Look], int], None]


class Hands(Protocol):
    """What Decisions are given to: Standing, or a queue in front of it."""

    def carry_out(self, decision: Decision, verdict: "Verdict | None") -> object:
        """Record the intent, act, record the outcome."""
        ...

    def tick(self, now_ns: int) -> object:
        """Record as ended what has ended by itself at capture time `now_ns`."""
        ...


class Brain(NamedTuple):
    """The stages that remember and judge; one set for each lane."""

    decoder: Decoder
    windows: Windows
    scorer: "Scorer"
    judge: Judge
    lines: Lines
    drifts: "tuple[Drifts | Habits, ...]" = ()


def think(
    site: "Site",
    policy: "Policy",
    scorer: "Scorer",
    lanes: int = 1,
    cpus: Sequence[int] = (),
    trailer: str = "none",
) -> Brain:
    """Return a fresh set of stages; `lanes` and so on as a Decoder takes them.

    Raises:
        ConfigError: the site is too large, or the lanes cannot be had.
    """
    gateways = [(gateway.ip, gateway.port) for gateway in site.gateways]
    hosts = sorted({host for firm in site.firms for host in firm.hosts})
    columns = {
        kind: {name: column for column, name in enumerate(schema.names)}
        for kind, schema in SCHEMAS.items()
    }
    comps = [session.comp_id for firm in site.firms for session in firm.sessions]
    looking: tuple[Drifts | Habits, ...] = ()
    if isinstance(scorer, Watching):
        looking = (*scorer.drifts(comps), Habits(runs(policy, site)))
    judge = Judge(policy, site, columns)
    if isinstance(scorer, Heeding):
        scorer.heed(heeds_of(policy, site))
    return Brain(
        lines=Lines(site),
        decoder=Decoder(gateways, lanes, cpus, trailer),
        windows=Windows(gateways, hosts),
        scorer=scorer,
        judge=judge,
        drifts=looking,
    )


class Pipeline:
    """One lane: frames in, Decisions out, in capture order.

    Args:
        source: where frames come from.
        brain: the stages.
        hands: what Decisions are given to.
        on_decision: called with each Decision when the hands have it.
        tape: keeps every frame, when given.
        batch_frames: frames taken at a time, 1..FRAMES_MAX. It changes the speed and
            never an answer.
    """

    def __init__(
        self,
        source: "Source",
        brain: Brain,
        hands: Hands,
        *,
        on_decision: Callable[[Decision], None],
        tape: "Tape | None" = None,
        batch_frames: int = BATCH_FRAMES,
    ) -> None:
        self.brain = brain
        self._looks, self._crowd = Looks(), Crowd(brain.judge)
        self._front = Front(
            source,
            brain.decoder,
            brain.windows,
            self._score,
            tape=tape,
            batch_frames=batch_frames,
        )
        self._front.on_loss(self._distrust)
        self.source = source
        self.totals = self._front.totals
        self._hands = hands
        self._on_decision = on_decision
        self._on_judged: Judged | None = None

    def on_judged(self, told: "Judged") -> None:
        """Have `told` called when windows were judged, before any others close.

        With their Verdicts, what was seen of sessions, and how many Decisions were
        made so far.
        """
        self._on_judged = told

    def at_once(self, stride: "Stride | None") -> None:
        """Do as Front does with it."""
        self._front.at_once(stride)

    def step(self, wait_ms: int) -> int:
        """Take one batch through every stage and return its number of frames.

        Raises:
            CaptureError: the source failed.
        """
        return self._front.step(wait_ms)

    def finish(self) -> None:
        """End what has ended by the last frame's time; the capture is over."""
        self.brain.decoder.finish()
        self._hands.tick(self.totals.now_ns)

    def _distrust(self, lost: int, seen: int) -> None:
        """Tell judgement what was lost in front of it (SR-14)."""
        now_ns = self.totals.now_ns
        self._order(self.brain.judge.distrust(lost, seen, now_ns), None)
        if self._on_judged is not None and lost:
            self._on_judged([], [], -1)  # what it froze stays so, said or unsaid

    def _score(self) -> None:
        """Take the windows that closed through score and decide."""
        brain = self.brain
        sessions = brain.decoder.sessions
        windows, rows = brain.windows.windows, brain.windows.rows
        for drifts in brain.drifts:
            for drift in drifts.look(windows, rows, sessions):
                self._order(brain.judge.hear(drift), None)
        verdicts = brain.scorer.score(windows, rows, sessions)
        looks = self._looks.of(windows, rows, sessions, verdicts)
        self._judge(verdicts)
        heard = brain.lines.look(windows, rows)
        told: list[Look | Heard] = [*looks, *heard]
        if heard:
            told.sort(key=lambda one: one.close_ns)
        self._crowd.add(told)
        if self._on_judged is not None:
            self._on_judged(verdicts, looks, self.totals.decisions)

    def _judge(self, verdicts: "list[Verdict]") -> None:
        """Decide on each Verdict in turn, and hand the Decisions on."""
        for verdict in verdicts:
            self._hands.tick(verdict.close_ns)
            self._crowd.until(verdict.close_ns)
            self._order(self.brain.judge.judge(verdict), verdict)

    def _order(self, decisions: list[Decision], verdict: "Verdict | None") -> None:
        """Hand Decisions on that rest on a Verdict, or on none."""
        for decision in decisions:
            self.totals.decisions += 1
            self._hands.carry_out(decision, verdict)
            self._on_decision(decision)


def known_addresses(site: "Site", sessions: NDArray[np.void]) -> list[str]:
    """Return who passes whatever stands: hosts of the site, protected, who trades.

    See `trading` for who trades.
    """
    hosts = {host for firm in site.firms for host in firm.hosts}
    for one in site.protected:
        # A prefix as everybody reads it: 10.0.0.1/30 is 10.0.0.0/30, for switches too.
        if "/" in one.network:
            hosts.add(str(ipaddress.ip_network(one.network, strict=False)))
        elif one.network:
            hosts.add(one.network)
    clients = trading(sessions)["client"]
    return sorted({*hosts, *(address_text(bytes(row)) for row in clients)})


def trading(sessions: NDArray[np.void]) -> NDArray[np.void]:
    """Return the rows of the SESSION table that are logged on.

    An open connection proves nothing: a flood of Logons has thousands of them. Who
    was picked up in mid-course, with messages both ways, is taken to be logged on.
    """
    state = sessions["state"]
    is_on = state == LOGGED_ON
    places = ((state == OPEN) & (sessions["midstream"] == 1)).nonzero()[0]
    if len(places):
        is_on[places] = (sessions["messages"][places] > 0).all(axis=1)
    found: NDArray[np.void] = sessions[is_on]
    return found


def last_bad_ns(brain: Brain, decision: Decision) -> int | None:
    """Return when the mirror last showed what `decision` is meant to stop.

    None where it never did, or is not looked at: of a host that has no order accepted
    nothing is to be seen that could cease. A rate limit lets frames pass by design; of
    its gateway it is told when orders came last, once it seems to hear nobody. Of a
    host that may begin no connections others pass. Nothing is proved by None.
    """
    windows, kind = brain.windows, decision.target_type
    if kind is TargetType.PATH:
        return brain.lines.last_bad_ns(decision)
    if kind is TargetType.GATEWAY:
        return brain.lines.last_came_ns(decision.gateway)
    seen: list[int] = []
    if kind is TargetType.SESSION:
        seen = [windows.session_accepted_ns(decision.subject)]
    elif kind is TargetType.SOURCE:
        seen = [windows.source_last_ns(address) for address in decision.target]
    elif decision.action is Action.CONFINE_HOST:
        seen = _spoke_ns(brain, *decision.target)
    elif kind in (TargetType.HOST, TargetType.SUBNET):
        rows = sessions_of(decision.target, brain.decoder.sessions)
        seen = [windows.session_accepted_ns(row) for row in rows]
    return max(seen, default=0) or None


def _spoke_ns(brain: Brain, host: str, peer: str = "") -> list[int]:
    """Return when a host spoke to whom it is kept from, in and outside sessions."""
    if not peer:
        return []
    sessions = brain.decoder.sessions
    rows = [
        row
        for row in sessions_of([host], sessions)
        if sessions["gateway"][row].tobytes() == address_bytes(peer)
    ]
    accepted = [brain.windows.session_accepted_ns(row) for row in rows]
    return [*accepted, brain.windows.spoke_ns(host, peer)]


def sessions_of(
    networks: Sequence[str], sessions: NDArray[np.void]
) -> NDArray[np.int64]:
    """Return the rows in use of the SESSION table whose client is in a network."""
    found = np.zeros(len(sessions), bool)
    for text in networks:
        network = ipaddress.ip_network(text, strict=False)
        bits = network.prefixlen + (96 if network.version == 4 else 0)
        mask = ((1 << bits) - 1 << (128 - bits)).to_bytes(16, "big")
        masks = np.frombuffer(mask, np.uint8)
        first = np.frombuffer(address_bytes(str(network.network_address)), np.uint8)
        found |= (sessions["client"] & masks == first).all(axis=1)
    return (found & (sessions["state"] > 0)).nonzero()[0]
