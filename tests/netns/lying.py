"""A Network whose switch speaks to its controller through a Liar."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from tests.netns.ovs import ROOT, Controller, Network

LIAR = ROOT / "tests/fakes/liar.py"


class Lying:
    """The liar's process, told how to behave."""

    def __init__(self, net: Network, listen: int, controller: int) -> None:
        words = [sys.executable, str(LIAR), str(listen), str(controller)]
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", net.inside, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self._hear("ready")

    def be(self, behaviour: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{behaviour}\n")
        self._hear("so")

    def _hear(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{word}\n"

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def lying(net: Network, framework: str) -> Iterator[tuple[Controller, Lying]]:
    """Give a started controller, and the liar between it and the switch."""
    liar = Lying(net, 6660, 6653)
    made = Controller(net, framework)
    made.targets = ["tcp:127.0.0.1:6660"]
    try:
        made.start()
        yield made, liar
    finally:
        liar.end()
        if made.process is not None and made.process.poll() is None:
            made.kill()
        net.switch.set_controller("br0")
