"""The fast lane's process in the switch's namespace, and one client of it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from airnet.controller.firing import DONE, FIRE, FIRE_MAGIC
from tests.netns.ovs import ROOT, Network

BAD, GATEWAY = "10.9.0.1", "10.9.0.2"
DECISION = 0xABCDEF
DROP = {"id": "1", "action": "drop_sources", "ttl_ms": 9000, "sources": [BAD]}


class Express:
    """The lane's process, and one client of it."""

    def __init__(
        self,
        net: Network,
        tls: tuple[Path, Path, Path] | None = None,
        program: str = "express",
    ) -> None:
        self.path = net.directory / "lane.sock"
        words = [sys.executable, "-m", f"airnet.controller.{program}"]
        words += ["--socket", str(self.path), "--protected", "10.9.0.99"]
        words += ["--tls", *map(str, tls)] if tls else []
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", net.inside, *words],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"
        kind = "ssl" if tls else "tcp"
        net.switch.set_controller("br0", f"{kind}:127.0.0.1:6654")
        net.switch.wait_connected()
        self.client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.client.settimeout(10)
        self.client.connect(str(self.path))

    def ask(self, **request: object) -> dict:
        self.client.send(json.dumps(request).encode())
        return json.loads(self.client.recv(65536))

    def arm(self, **fields: object) -> int:
        one = {**DROP, "gateway": GATEWAY, **fields}
        answer = self.ask(command="arm", containments=[one])
        assert answer["ok"], answer
        return int(answer["slots"][0])

    def fire(self, slot: int, ttl_s: int) -> tuple:
        self.client.send(FIRE.pack(FIRE_MAGIC, slot, DECISION, ttl_s))
        return DONE.unpack(self.client.recv(4096))

    def release(self) -> tuple:
        request = {"command": "release", "id": f"{DECISION:012x}"}
        self.client.send(json.dumps(request).encode())
        return DONE.unpack(self.client.recv(4096))

    def end(self) -> None:
        self.client.close()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
