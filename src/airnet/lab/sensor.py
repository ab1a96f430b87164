"""Sensor: `airnet run` at the mirror's end, started, heard, ended in order."""

import contextlib
from typing import Self

from airnet.lab.actor import Actor, ActorError, python
from airnet.lab.follow import Notices
from airnet.lab.network import CAPTURE, Network
from airnet.lab.papers import Papers

SENSOR_NAME = "airnet"
READY_LIMIT_S = 30.0
DRAIN_LIMIT_S = 20.0


class Sensor:
    """The product on the lab's capture host: there once it watches the mirror.

    Args:
        network: it is up.
        papers: what it is told, and where it writes.
        is_proved: whether its policy was proved and signed, as outside of a laboratory.
    """

    def __init__(
        self, network: Network, papers: Papers, *, is_proved: bool = False
    ) -> None:
        self._network = network
        self._papers = papers
        self._leave = () if is_proved else ("--unproved",)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._stack:
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            ActorError: it ended, or is not ready in time.
        """
        notify = self._network.directory / "notify"
        notify.unlink(missing_ok=True)  # of one that was killed
        self._notices = Notices(notify)
        # Registered before the sensor, so that it is closed after it has ended.
        self._stack.callback(self._notices.close)
        words = ("run", *self._leave, "--config", str(self._papers.config))
        command = self._network.inside(CAPTURE, *python("airnet", *words))
        extra = {"NOTIFY_SOCKET": str(notify)}
        self.actor = Actor(SENSOR_NAME, command, self._papers.logs, extra)
        self._stack.callback(self.actor.end, DRAIN_LIMIT_S, ask=False)
        self.actor.wait_until("readiness", self._is_ready, READY_LIMIT_S)

    def _is_ready(self) -> bool:
        self._notices.read()
        return self._notices.is_ready

    def hear(self) -> None:
        """Take in what it says to its supervisor; a full socket would stop it."""
        self._notices.read()

    def finish(self) -> None:
        """End it: it drains the ring and writes its last records.

        Raises:
            ActorError: it did not end well.
        """
        status = self.actor.end(DRAIN_LIMIT_S, ask=False)
        if status != 0:
            raise ActorError(
                f"{SENSOR_NAME} ended with status {status}", f"see {self.actor.log}"
            )
