"""A stage whose world is a recording that obeys: what is contained no longer comes.

The older generator's frames, cut into slices of virtual time. It has no market, so its
accounts are simple: a culprit loses a dollar with each frame of its incident that
passes, everybody earns a cent with each of theirs, and is late by a millisecond with
each of a stranger's.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.bench.stages import frames_of
from airnet.config import Site
from airnet.decode import Decoder
from airnet.domain.address import address_text
from airnet.domain.frame import FRAME, FRAMES_MAX
from airnet.twin.scenario import Expectation, Label, Params
from airnet.twin.stage import FULL, REACHED, Kind, Place
from airnet.twin.traffic import generate


class TapeWorld:
    """Frames by time; those of a line or a source that is contained are left out."""

    def __init__(self, stage: "TapeStage", *, is_calm: bool) -> None:
        self.frames: NDArray[np.void] = np.zeros(FRAMES_MAX, FRAME)
        self.buffer = stage.bytes
        self.ended = REACHED
        self.events = 0
        self.now_ns = stage.span_ns[0]
        self._stage = stage
        self._is_calm = is_calm
        self._next = 0
        self._shut: dict[int, int] = {}
        self._sources: dict[str, int] = {}
        self.passed = np.zeros(len(stage.lines), np.int64)
        self.bad = np.zeros(len(stage.lines), np.int64)
        self.strange = 0
        self.commands: list[tuple[int, str, int]] = []

    @property
    def message_count(self) -> int:
        """Return none: a tape has frames only."""
        return 0

    @property
    def wire_bytes(self) -> int:
        """Return none, likewise."""
        return 0

    def attach(self, stream: object, headers: object, messages: object) -> None:
        """Refuse: a tape has frames only."""
        del stream, headers, messages
        raise NotImplementedError

    def run(self, until_ns: int) -> int:
        """Put the frames before `until_ns` that nothing holds back."""
        count, stage = 0, self._stage
        self.ended = REACHED
        while self._next < len(stage.rows):
            row = stage.rows[self._next]
            time_ns = int(row["time_ns"])
            if time_ns >= until_ns:
                break
            if count == len(self.frames):
                self.ended = FULL
                return count
            if self._passes(self._next, time_ns):
                self.frames[count] = row
                count += 1
            self._next += 1
            self.events += 1
        self.now_ns = until_ns
        return count

    def _passes(self, index: int, time_ns: int) -> bool:
        stage = self._stage
        line, source = int(stage.line_of[index]), stage.source_of[index]
        if self._shut.get(line, 0) > time_ns or self._sources.get(source, 0) > time_ns:
            return False
        if line >= 0:
            is_bad = any(
                label.onset_ns <= time_ns < label.offset_ns
                and stage.lines[line].comp in {comp for _, comp in label.sessions}
                for label in stage.labels
            )
            self.passed[line] += 1
            self.bad[line] += is_bad and not self._is_calm
        elif not self._is_calm:
            self.strange += any(source in label.hosts for label in stage.labels)
        return True

    def throttle(self, line: int, per_second: int, burst: int, until_ns: int) -> None:
        """Let nothing of the line pass any more: what a tape can do."""
        self.commands.append((self.now_ns, "throttle", line))
        self._shut[line] = until_ns

    def block(self, line: int, form: int, directions: int, until_ns: int) -> None:
        """Do the same."""
        self.commands.append((self.now_ns, "block", line))
        self._shut[line] = until_ns

    def delay(self, line: int, extra_ns: int, until_ns: int) -> None:
        """Note it."""
        self.commands.append((self.now_ns, "delay", line))

    def drop_source(
        self, address: bytes, bits: int, port: int, until_ns: int, target: bytes
    ) -> None:
        """Let nothing of the source pass."""
        del target
        self.commands.append((self.now_ns, "drop", bits))
        self._sources[address_text(address)] = until_ns

    def limit_strangers(
        self,
        gateway: bytes,
        port: int,
        known: bytes,
        per_second: int,
        burst: int,
        until_ns: int,
    ) -> None:
        """Note it."""
        self.commands.append((self.now_ns, "limit", per_second))

    def cancel_all(self, line: int) -> None:
        """Note it."""
        self.commands.append((self.now_ns, "cancel", line))

    def disable(self, line: int) -> None:
        """Let nothing of the line pass until it is released."""
        self.commands.append((self.now_ns, "disable", line))
        self._shut[line] = 1 << 62

    def release(self, line: int) -> None:
        """Let the line pass again."""
        self.commands.append((self.now_ns, "release", line))
        self._shut.pop(line, None)

    def harm(self) -> list[dict[str, int]]:
        """Return what each line earned and lost."""
        return [
            {
                "profit": int(passed - 100 * bad),
                "orders": int(passed),
                "fault_orders": int(bad),
                "late": self.strange,
                "late_ns": self.strange * 1_000_000,
            }
            for passed, bad in zip(self.passed, self.bad, strict=True)
        ]

    def books(self) -> list[dict[str, int]]:
        """Return none: a tape has no market."""
        return []


class TapeStage:
    """A scenario of the older generator as a Stage."""

    def __init__(self, scenario: str, seed: int, **params: float) -> None:
        episode = generate(
            scenario,
            seed,
            params=msgspec.convert(
                {"duration_s": 8.0, "onset_s": 4.0, **params}, Params
            ),
        )
        self.scenario, self.seed, self.difficulty = scenario, seed, 0.5
        self.severity = "moderate"
        self.origin = {"tape": scenario}
        self.site: Site = episode.site
        self.labels: tuple[Label, ...] = episode.labels
        self.expectation: Expectation = episode.expectation
        self.bystanders = frozenset(
            {gateway.ip for gateway in self.site.gateways}
            | {host for firm in self.site.firms for host in firm.hosts}
        )
        self.rows, self.bytes = frames_of(episode)
        times = self.rows["time_ns"]
        self.span_ns = (int(times.min()), int(times.max()) + 1)
        self._find_lines()

    def _find_lines(self) -> None:
        """Learn from the product's own decoder whose frame is whose."""
        gateways = [(gateway.ip, gateway.port) for gateway in self.site.gateways]
        decoder = Decoder(gateways)
        lines: list[Place] = []
        self.line_of = np.full(len(self.rows), -1)
        self.source_of: list[str] = []
        known: dict[tuple[str, int], int] = {}
        hosts = {host for firm in self.site.firms for host in firm.hosts}
        at = 0
        while at < len(self.rows):
            headers, _ = decoder.decode(self.rows[at:][:FRAMES_MAX], self.bytes)
            for offset, header in enumerate(headers):
                one, other = _ends(header)
                self.source_of.append(one[0])
                client, gateway = (one, other) if other in gateways else (other, one)
                if gateway not in gateways or client[0] not in hosts:
                    continue
                if client not in known:
                    known[client] = len(lines)
                    lines.append(_place(client, gateway, self))
                self.line_of[at + offset] = known[client]
            at += len(headers)
        decoder.close()
        self.lines = tuple(lines)

    def world(
        self, kind: Kind, *, is_seen: bool, is_decoded: bool = False
    ) -> TapeWorld:
        """Return a fresh one."""
        del is_seen, is_decoded
        return TapeWorld(self, is_calm=kind is Kind.CALM)


def _ends(header: np.void) -> list[tuple[str, int]]:
    """Return source and target of a HEADER."""
    return [
        (address_text(header[side].tobytes()), int(header[f"{side}_port"]))
        for side in ("source", "target")
    ]


def _place(
    client: tuple[str, int], gateway: tuple[str, int], stage: TapeStage
) -> Place:
    """Return who speaks from there: a culprit's CompID, or the only one of the host."""
    text = f"{client[0]}:{client[1]}"
    named = {host: comp for label in stage.labels for host, comp in label.sessions}
    comps = [
        session.comp_id
        for firm in stage.site.firms
        for session in firm.sessions
        if session.host == client[0]
    ]
    return Place(
        client=client[0],
        port=client[1],
        comp=named.get(text, comps[0]),
        gateway=gateway[0],
        gateway_port=gateway[1],
    )
