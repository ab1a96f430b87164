"""The lab's network: up, and gone again without a trace, whatever ended it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from airnet.lab.actor import environment
from airnet.lab.needs import missing
from airnet.lab.network import (
    ADDRESSES,
    CAPTURE,
    CONTROL_ADDRESS,
    HOSTS,
    SWITCH,
    VENUE,
    Network,
    run,
    sweep,
)

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(bool(missing()), reason="; ".join(missing())),
]

LIMIT_S = 20
#: Builds the network, says its pid, and waits for its end.
LIVES = """
import os, signal
from airnet.lab.demo import interruptible
from airnet.lab.network import Network
with interruptible(), Network() as network:
    print(network.directory, flush=True)
    signal.pause()
"""


def traces(pid: int) -> list[str]:
    """Return what is left of a lab of that process."""
    prefix = f"an-{pid}-"
    names = [line.split()[0] for line in run("ip", "netns").splitlines() if line]
    places = [path.name for path in Path(tempfile.gettempdir()).glob(f"{prefix}*")]
    commands = [
        path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.parent.exists()
    ]
    mine = [command for command in commands if prefix in command]
    return [name for name in names if name.startswith(prefix)] + places + mine


def test_network_connects_everybody_and_leaves_nothing() -> None:
    with Network(is_open=True) as network:
        assert traces(os.getpid())
        for role in HOSTS[1:]:
            run(*network.inside(role, "ping", "-c1", "-W2", ADDRESSES[VENUE]))
        run(*network.inside(CAPTURE, "ping", "-c1", "-W2", CONTROL_ADDRESS))
        told = run(*network.inside(CAPTURE, "ip", "-s", "link", "show", "eth0"))
        assert "NOARP" in told
        assert told.split("TX:")[1].split()[6:8] == ["0", "0"], "the capture end sent"
        for role, ports in ((SWITCH, (*HOSTS, "mirror")), (CAPTURE, ("eth0",))):
            for port in ports:
                said = run(*network.inside(role, "ethtool", "-k", port))
                states = dict(
                    line.strip().split(": ")
                    for line in said.splitlines()
                    if ": o" in line
                )
                assert states["tx-checksumming"] == "off", (role, port)
                assert states["generic-receive-offload"] == "off", (role, port)

    assert traces(os.getpid()) == []


def test_nothing_passes_before_a_controller_says_so() -> None:
    with Network() as network:
        said = subprocess.run(
            network.inside("alpha", "ping", "-c1", "-W1", ADDRESSES[VENUE]),
            capture_output=True,
            check=False,
        )
        assert said.returncode == 1

    assert traces(os.getpid()) == []


def test_failure_half_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(self: Network, switch: object) -> None:
        raise RuntimeError("half way")

    monkeypatch.setattr(Network, "_plug", break_down)
    with pytest.raises(RuntimeError, match="half way"), Network():
        pass

    assert traces(os.getpid()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_leaves_nothing(number: signal.Signals) -> None:
    process = start()
    process.send_signal(number)
    process.communicate(timeout=LIMIT_S)

    assert traces(process.pid) == []


def test_killed_lab_is_swept_by_the_next() -> None:
    process = start()
    process.kill()
    process.communicate(timeout=LIMIT_S)
    assert traces(process.pid)

    removed = sweep()

    assert any(f"an-{process.pid}-" in name for name in removed)
    end = time.monotonic() + LIMIT_S
    while traces(process.pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert traces(process.pid) == []


def start() -> subprocess.Popen[bytes]:
    """Return a process that has a lab up."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIVES],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    assert f"an-{process.pid}-".encode() in said, process.communicate()
    return process
