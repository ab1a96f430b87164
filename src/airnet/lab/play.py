"""Play, the lab with everybody in it: built, played scene by scene, cleared.

Order of building: network, controller, sensor, then trading, so that the sensor sees
every session from its first frame. Order of clearing: the other way round.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from airnet.clock import SystemClock
from airnet.lab.actor import Actor, cpu_s, python
from airnet.lab.cast import Cast
from airnet.lab.channel import Json
from airnet.lab.follow import Follow
from airnet.lab.network import BRIDGE, SWITCH, UNKNOWN, Network
from airnet.lab.papers import Papers
from airnet.lab.result import (
    Counts,
    Decided,
    Happened,
    Report,
    SceneBegan,
    SceneSpan,
    SessionCounts,
    Stage,
)
from airnet.lab.scenes import EVERYBODY, PROBE, Cue, Scene
from airnet.lab.sensor import DRAIN_LIMIT_S, READY_LIMIT_S, SENSOR_NAME, Sensor
from airnet.record.file import LEDGER

CONTROLLER = "127.0.0.1:6653"
FINISH_LIMIT_S = 15.0
TURN_S = 0.05
COUNTS_NS = 250_000_000
NS_PER_S = 1_000_000_000
CONTROLLER_NAME, SWITCH_NAME = "controller", "switch"


class Play:
    """Everything that runs during a demonstration, and what it says.

    Args:
        papers: where everything goes.
        report: told what happens.
        seed: of everything that is drawn by lot.
    """

    def __init__(self, papers: Papers, report: Report, seed: int) -> None:
        self._papers = papers
        self._report = report
        self._clock = SystemClock()
        self._network = Network()
        self._cast = Cast(self._network, papers.directory, seed)
        self._stack = contextlib.ExitStack()
        self._actors: dict[str, Actor] = {}
        self._sensor: Sensor | None = None
        self._decisions = Follow(papers.decisions)
        self._ledger = Follow(papers.ledger / LEDGER)
        self._until_ns: dict[str, tuple[str, int]] = {}
        self._targets: dict[str, str] = {}
        self._counted_ns = 0
        self._measured_ns = 0
        self._cpu_s: dict[str, float] = {}
        self._cpu_percent: dict[str, int] = {}
        self._probe = ""
        #: Whether the unknown host could connect, by the probe's name.
        self.probes: dict[str, bool] = {}

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def perform(self, scenes: Sequence[Scene]) -> tuple[SceneSpan, ...]:
        """Play every scene in its turn and return when each was played."""
        spans = []
        for number, scene in enumerate(scenes, 1):
            began = SceneBegan(
                time_ns=self._clock.now_ns(),
                name=scene.name,
                title=scene.title,
                text=scene.text,
                seconds=scene.seconds,
                number=number,
                of=len(scenes),
            )
            self._report(began)
            self._scene(scene)
            span = SceneSpan(
                name=scene.name,
                title=scene.title,
                begin_ns=began.time_ns,
                end_ns=self._clock.now_ns(),
            )
            spans.append(span)
        return tuple(spans)

    def finish(self) -> bool:
        """Have every order taken off; True once every one is answered."""
        self._say("Every firm takes its orders off")
        is_answered = self._cast.finish(FINISH_LIMIT_S)
        self._turn()
        return is_answered

    def sessions(self) -> tuple[SessionCounts, ...]:
        """Return what both ends of each session have counted."""
        return self._cast.sessions()

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU time each process has used, in seconds."""
        return {name: cpu_s(pid) for name, pid in sorted(self._pids().items())}

    def clear(self) -> None:
        """End trading, then the sensor, which writes its last records.

        Raises:
            ActorError: the sensor did not end well.
        """
        self._say("The sessions log out; the sensor drains")
        self._cast.end()
        if self._sensor is not None:
            self._sensor.finish()
        self._look()

    def _build(self) -> None:
        """Start everything, in order."""
        self._say("Namespaces, virtual wires, Open vSwitch, its mirror port")
        self._stack.enter_context(self._network)
        place = self._network.directory
        self._papers.logs.mkdir(parents=True, exist_ok=True)
        self._papers.write(place / "controller.sock")
        self._say("The controller takes the switch by OpenFlow 1.3")
        self._start_controller(place / "controller.sock")
        self._say("airnet begins to watch the mirror")
        sensor = Sensor(self._network, self._papers)
        self._sensor = self._stack.enter_context(sensor)
        self._actors[SENSOR_NAME] = sensor.actor
        self._say("The venue opens; three firms log on by FIX 4.4")
        self._stack.enter_context(self._cast)

    def _start_controller(self, socket: Path) -> None:
        """Start the controller and give it the switch."""
        words = ("controller", "--listen", CONTROLLER, "--socket", str(socket))
        controller = self._start(CONTROLLER_NAME, SWITCH, python("airnet", *words))
        controller.wait_until("socket", socket.exists, READY_LIMIT_S)
        switch = self._network.switch
        assert switch is not None
        switch.set_controller(BRIDGE, f"tcp:{CONTROLLER}")
        # The flows say it at once; the switch's database only every five seconds.
        controller.wait_until(
            "first flows", lambda: bool(switch.flows(BRIDGE)), READY_LIMIT_S
        )

    def _start(self, name: str, role: str, command: tuple[str, ...]) -> Actor:
        """Start a service in a role's namespace; it ends by SIGTERM."""
        inside = self._network.inside(role, *command)
        actor = Actor(name, inside, self._papers.logs)
        self._actors[name] = actor
        self._stack.callback(actor.end, DRAIN_LIMIT_S, ask=False)
        return actor

    def _scene(self, scene: Scene) -> None:
        """Give every cue at its time, and look around between them."""
        begin_ns = self._clock.mono_ns()
        cues = sorted(scene.cues, key=lambda cue: cue.at_s)
        while True:
            passed_s = (self._clock.mono_ns() - begin_ns) / NS_PER_S
            while cues and cues[0].at_s <= passed_s:
                self._cue(cues.pop(0))
            if passed_s >= scene.seconds and not cues:
                return
            self._turn()

    def _cue(self, cue: Cue) -> None:
        """Give one cue."""
        if cue.who == EVERYBODY:
            self._cast.tell_firms(**cue.command)
        elif cue.who == PROBE:
            self._probe = str(cue.command["name"])
            self._cast.actors[UNKNOWN].tell(**cue.command)
        else:
            self._cast.actors[cue.who].tell(**cue.command)

    def _turn(self) -> None:
        """Hear everybody once, and report."""
        for actor in self._actors.values():
            actor.check()
            actor.hear()
        self._cast.listen(TURN_S)
        answer = self._cast.actors[UNKNOWN].latest.pop("connected", None)
        if answer is not None:
            self.probes[self._probe] = answer["ok"] is True
        self._look()
        if self._clock.mono_ns() - self._counted_ns >= COUNTS_NS:
            self._count()

    def _look(self) -> None:
        """Report what the sensor has written since the last time."""
        if self._sensor is not None:
            self._sensor.hear()
        now_ns = self._clock.now_ns()
        for line in self._decisions.new():
            self._report(Decided(time_ns=now_ns, line=line))
        for entry in self._ledger.new():
            kind, body = str(entry.get("kind")), entry.get("body")
            if isinstance(body, dict):
                self._entry(kind, body, now_ns)

    def _entry(self, kind: str, body: Json, now_ns: int) -> None:
        """Keep track of what stands, and report it."""
        if kind == "decision":
            target = body.get("target")
            names = target if isinstance(target, list) else []
            self._targets[str(body.get("id"))] = str(names[-1] if names else "")
        elif kind == "containment":
            identity = str(body.get("decision_id"))
            name = self._targets.get(identity, identity)
            if body.get("state") in ("applied", "verified"):
                self._until_ns[identity] = (name, int(str(body.get("until_ns"))))
            else:
                self._until_ns.pop(identity, None)
        if kind in ("containment", "effect"):
            self._report(Happened(time_ns=now_ns, kind=kind, body=body))

    def _count(self) -> None:
        """Report the counts so far."""
        now_ns, self._counted_ns = self._clock.now_ns(), self._clock.mono_ns()
        if self._counted_ns - self._measured_ns >= NS_PER_S:
            self._measure()
        contained = {
            name: max(0.0, (until_ns - now_ns) / NS_PER_S)
            for name, until_ns in self._until_ns.values()
        }
        counts = Counts(
            time_ns=now_ns,
            sessions=self._cast.sessions(),
            latency_us=self._cast.latency_us(),
            flooded=self._cast.flooded(),
            contained=contained,
            cpu_percent=self._cpu_percent,
        )
        self._report(counts)

    def _measure(self) -> None:
        """Measure how much of a core each process takes; jiffies are coarse."""
        since_ns, self._measured_ns = self._measured_ns, self._clock.mono_ns()
        span_s = (self._measured_ns - since_ns) / NS_PER_S
        before_s, self._cpu_s = self._cpu_s, self.cpu_s()
        self._cpu_percent = {
            name: round(100 * (used_s - before_s.get(name, used_s)) / span_s)
            for name, used_s in self._cpu_s.items()
        }

    def _pids(self) -> dict[str, int]:
        """Return the pid of everything that runs."""
        everybody = {**self._actors, **self._cast.actors}
        pids = {name: actor.pid for name, actor in everybody.items()}
        switch = self._network.switch
        if switch is not None:
            pids[SWITCH_NAME] = switch.pid
        return pids

    def _say(self, text: str) -> None:
        """Report a step."""
        self._report(Stage(time_ns=self._clock.now_ns(), text=text))
