"""A process whose main thread hangs in C and holds the interpreter, governed.

`python hanging.py FOLDER`: says `ready`, hangs for some seconds after a line came, then
orders a containment and says what became of it.
"""

import ctypes
import signal
import sys
import types
from pathlib import Path

# A dependency installs a package of that name; this is ours.
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [str(Path(__file__).resolve().parents[1])]

HANG = 60_000_000


def main() -> None:
    """Hang; then say what left."""
    from airnet import log
    from tests.fakes.office import Office

    log.configure()
    with Office(Path(sys.argv[1])) as office:
        signal.signal(signal.SIGUSR1, lambda *_: None)
        office.wardens.watch_signals()
        print("ready", flush=True)
        sys.stdin.readline()
        # One call into C that neither lets go of the interpreter nor sees signals.
        sum(range(HANG))
        office.decide()
        while not (office.standing.ended or office.standing.has_any):
            ctypes.CDLL(None).usleep(1000)
        print(office.levers.calls, office.gate.closed(), flush=True)


if __name__ == "__main__":
    main()
