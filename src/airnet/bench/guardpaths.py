"""Guard's trials by the path they took: done in advance or decided first, and why.

What airnet says of each Decision in its log, beside what the sender saw.
"""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import msgspec

from airnet.bench.guardfloor import HELD_NS
from airnet.bench.trials import figures
from airnet.record.file import read


class Trial(NamedTuple):
    """One flood: when its frames were sent, when one was held back; ns, epoch.

    And for how long its sender was held up at once, and airnet's lane in all.
    """

    sent: list[int]
    held_ns: int
    gap_ns: int
    waited_ns: int

    @property
    def is_calm(self) -> bool:
        """Whether the platform held up neither."""
        return max(self.gap_ns, self.waited_ns) < HELD_NS


class Made(NamedTuple):
    """A Decision: its capture time, how it came about, when C looked, and was done."""

    at_ns: int
    path: str
    looked_ns: int
    done_ns: int


class Deciding(NamedTuple):
    """A trial whose Decision is known: the frame that decided, and what came of it."""

    trial: Trial
    made: Made
    frame_ns: int

    @property
    def whole_ns(self) -> int:
        """From the deciding frame to the first one held back."""
        return self.trial.held_ns - self.frame_ns


def decided(folder: Path, epoch_ns: int) -> dict[str, Made]:
    """Return each stranger's Decision; `epoch_ns` is when the kernel's clock began."""
    times, found = {}, {}
    for line in (folder / "decisions.jsonl").read_bytes().splitlines():
        one = msgspec.json.decode(line)
        times[tuple(one["target"])] = int(one["t_ns"])
    for line in (folder / "log").read_bytes().splitlines():
        one = msgspec.json.decode(line) if line.startswith(b"{") else {}
        if one.get("event") != "decision.made" or one["action"] != "drop_sources":
            continue
        looked_ns, done_ns = one.get("looked_mono_ns"), one.get("done_mono_ns")
        found[one["target"][0]] = Made(
            times.get(tuple(one["target"]), 0),
            one.get("foreseen", "not looked at"),
            epoch_ns + looked_ns if looked_ns else 0,
            epoch_ns + done_ns if done_ns else 0,
        )
    return found


def matched(seen: dict[str, Trial], made: dict[str, Made]) -> list[Deciding]:
    """Return the trials whose Decision is known."""
    found = []
    for source, trial in seen.items():
        one = made.get(source)
        # What decided is the last frame that was sent before the Decision's time.
        at_ns = one.at_ns if one else 0
        frame_ns = max((sent for sent in trial.sent if sent <= at_ns), default=0)
        if one is not None and frame_ns:
            found.append(Deciding(trial, one, frame_ns))
    return found


def latencies(
    seen: dict[str, Trial], known: list[Deciding], folder: Path
) -> dict[str, dict[str, object]]:
    """Return figures of the trials, raw, and of those that nothing held up."""
    lags = [
        int(str(one.body["applied_ns"])) - int(str(one.body["command_ns"]))
        for one in read(folder / "ledger")
        if one.kind == "containment" and one.body["state"] == "applied"
    ]
    calm = [one.whole_ns for one in known if one.trial.is_calm]
    first = [one.held_ns - one.sent[0] for one in seen.values()]
    return {
        "deciding frame on the wire -> first frame dropped": figures(
            [one.whole_ns for one in known]
        ),
        "the same, trials that the platform did not hold up": figures(calm),
        "first bad frame on the wire -> first frame dropped": figures(first),
        "of it, writing the rules and reading them back": figures(lags),
    }


def stages(known: list[Deciding]) -> dict[str, dict[str, object]]:
    """Return figures by path, and of those done in advance by stage."""
    paths: dict[str, list[Deciding]] = defaultdict(list)
    for one in known:
        paths[one.made.path].append(one)
    found = {
        f"foreseen: {name}": figures([one.whole_ns for one in those])
        for name, those in sorted(paths.items(), key=lambda item: -len(item[1]))
    }
    done = [one for one in known if one.made.done_ns]
    found["done: deciding frame -> its window looked at"] = figures(
        [one.made.looked_ns - one.frame_ns for one in done]
    )
    found["done: looked at -> intent and rules written"] = figures(
        [one.made.done_ns - one.made.looked_ns for one in done]
    )
    found["done: written -> first frame dropped"] = figures(
        [one.trial.held_ns - one.made.done_ns for one in done]
    )
    return found
