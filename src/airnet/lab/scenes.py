"""The scenes of the demonstration, as data: who is told what, when, for how long.

Times are seconds from the beginning of a scene. A cue for `firms` goes to every firm,
one for `unknown` to the unknown host; `probe` asks that host to connect by TCP, whose
answer is judged under the probe's name.
"""

import msgspec

from airnet.lab.network import FIRMS, UNKNOWN

#: The session whose algorithm runs away.
RUNAWAY_FIRM, RUNAWAY = "beta", "BETAMM"
BURST_FACTOR = 6.0
RUNAWAY_RATE, FLOOD_RATE, FLOOD_S = 450.0, 4000.0, 4.0
EVERYBODY, PROBE = "firms", "probe"


class Cue(msgspec.Struct, frozen=True, kw_only=True):
    """One command, to whom, when."""

    at_s: float
    who: str
    command: dict[str, object]


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time in which one thing happens. `text` is for the audience."""

    name: str
    title: str
    text: str
    seconds: float
    cues: tuple[Cue, ...] = ()


def pace(at_s: float, factor: float, ramp_ms: int) -> Cue:
    """Return the cue that sets everybody's pace."""
    command: dict[str, object] = {"do": "rate", "factor": factor, "ramp_ms": ramp_ms}
    return Cue(at_s=at_s, who=EVERYBODY, command=command)


def runaway(at_s: float, rate: float) -> Cue:
    """Return the cue that breaks the algorithm, or mends it (rate 0)."""
    command: dict[str, object] = {"do": "runaway", "comp_id": RUNAWAY, "rate": rate}
    return Cue(at_s=at_s, who=RUNAWAY_FIRM, command=command)


def probe(at_s: float, name: str) -> Cue:
    """Return the cue to try a TCP connection from the unknown host."""
    command: dict[str, object] = {"do": "connect", "limit_s": 0.8, "name": name}
    return Cue(at_s=at_s, who=PROBE, command=command)


SCENES = (
    Scene(
        name="quiet",
        title="Quiet trading",
        text="Six FIX sessions of three firms trade. Nothing is to be done.",
        seconds=14.0,
        cues=(Cue(at_s=0.0, who=EVERYBODY, command={"do": "trade"}),),
    ),
    Scene(
        name="volatility",
        title="A volatile market",
        text="News: all six sessions speed up sixfold together. That is legitimate.",
        seconds=8.0,
        cues=(pace(0.0, BURST_FACTOR, 200),),
    ),
    Scene(
        name="calm",
        title="The market calms down",
        text="Everybody slows down again.",
        seconds=4.0,
        cues=(pace(0.0, 1.0, 500),),
    ),
    Scene(
        name="runaway",
        title="An algorithm runs away",
        text=f"{RUNAWAY} repeats one order {RUNAWAY_RATE:.0f} times a second. Its new"
        " orders are to be stopped at the gateway; its cancels are to pass.",
        seconds=6.0,
        cues=(runaway(0.0, RUNAWAY_RATE), runaway(6.0, 0.0)),
    ),
    Scene(
        name="release",
        title="Its owner mends it",
        text="The containment ends by itself; then the session trades again.",
        seconds=5.5,
    ),
    Scene(
        name="flood",
        title="A SYN flood",
        text=f"An unknown host floods the gateway, {FLOOD_RATE:.0f} SYNs a second. It"
        " is to be dropped at the switch; no order may be lost.",
        seconds=FLOOD_S,
        cues=(
            Cue(
                at_s=0.0,
                who=UNKNOWN,
                command={"do": "flood", "rate": FLOOD_RATE, "seconds": FLOOD_S},
            ),
        ),
    ),
    Scene(
        name="aftermath",
        title="The flood is over",
        text="The drop ends by itself; then even that host may connect again.",
        seconds=6.0,
        cues=(probe(0.3, "contained"), probe(5.0, "released")),
    ),
)

assert RUNAWAY_FIRM in FIRMS
