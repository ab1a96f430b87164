"""Rerun, a recording put through `airnet replay`, as anybody would: by its command."""

import subprocess
from pathlib import Path

import msgspec

from airnet.errors import AirnetError
from airnet.lab.actor import environment, python
from airnet.lab.channel import Json
from airnet.lab.papers import Papers

REPLAY_LIMIT_S = 120


class RerunError(AirnetError):
    """A replay failed: its status and what it said."""

    fault_of = "lab"


def rerun(
    papers: Papers, decisions: Path, *, ledger: Path | None = None, batch: int = 0
) -> Json:
    """Replay a run's recording with its site and policy; return the summary.

    Args:
        papers: where recording, site and policy are.
        decisions: where the Decisions go.
        ledger: where the ledger goes, if it is wanted.
        batch: frames taken at a time; 0 is the default.

    Raises:
        RerunError: the replay failed.
    """
    words = [
        *("replay", str(papers.recording), "--site", str(papers.site)),
        *("--policy", str(papers.policy), "--decisions", str(decisions), "--json"),
    ]
    words += ["--ledger", str(ledger)] if ledger else []
    words += ["--batch", str(batch)] if batch else []
    try:
        done = subprocess.run(
            python("airnet", *words),
            env=environment(),
            capture_output=True,
            timeout=REPLAY_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RerunError(
            f"airnet replay: not done in {REPLAY_LIMIT_S} s", "try it by hand"
        ) from error
    papers.logs.mkdir(exist_ok=True)
    (papers.logs / "replay.log").write_bytes(done.stderr)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1] if said else "nothing said"
        raise RerunError(
            f"airnet replay: status {done.returncode}: {why}", "try it by hand"
        )
    return msgspec.json.decode(done.stdout, type=Json)
