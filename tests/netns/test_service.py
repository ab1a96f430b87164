"""`airnet run` as a process on a real link: its whole life, and its ways to fail."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.cli import main
from airnet.kernel import link
from airnet.record.file import read, verify
from airnet.twin.traffic import Params, generate
from airnet.twin.wire import Frame
from tests.netns.lab_links import CAPTURE, MIRROR, namespace, sender, veth, wait_until
from tests.reference.selection import wants

pytestmark = pytest.mark.root
#: A flood half a second after the start, drawn small so that real time is short.
FLOOD = Params(
    duration_s=1.6,
    onset_s=0.4,
    incident_s=1.0,
    flood_pps=2000,
    sessions=3,
    rate=20.0,
    background=0.1,
)
ENFORCE = '[cause.flood]\naction = "drop_sources"\ntier_max = 2\nmode = "enforce"\n'
METRICS_PORT = 9464
START_S = 30.0
#: Not another user: one may not read a tree that lies in root's home.
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


class Service:
    """A running `airnet run`, and what it tells its service manager."""

    def __init__(self, folder: Path, *, without_privileges: bool = False) -> None:
        self.folder = folder
        address = str(folder / "notify")
        Path(address).unlink(missing_ok=True)
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._channel.bind(address)
        self._channel.settimeout(0.1)
        self.told: list[str] = []
        words = ("run", "--unproved", "--json", "--config")
        command = [sys.executable, "-m", "airnet", *words]
        if without_privileges:
            command = [*UNPRIVILEGED, *command]
        self._log = (folder / "log").open("wb")
        self._out = (folder / "out").open("wb")
        self.process = subprocess.Popen(
            [*command, str(folder / "airnet.toml")],
            stdout=self._out,
            stderr=self._log,
            env={
                **os.environ,
                "NOTIFY_SOCKET": address,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
        )

    def listen(self) -> list[str]:
        """Return every line of sd_notify so far."""
        with contextlib.suppress(TimeoutError):
            while True:
                self.told += self._channel.recv(4096).decode().splitlines()
        return self.told

    def has_started(self) -> bool:
        return "READY=1" in self.listen() or self.process.poll() is not None

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it; return its exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        try:
            self.process.wait(START_S)
        finally:
            self.close()
        return self.process.returncode

    def output(self) -> str:
        return (self.folder / "out").read_text("utf-8")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for held in (self._channel, self._log, self._out):
            held.close()


@pytest.fixture
def mirror() -> Iterator[None]:
    with namespace():
        link.bring_up("lo", quiet=False)
        veth()
        yield


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Service]:
    """Start the service and wait until it watches."""
    service = Service(folder)
    try:
        wait_until(service.has_started, START_S)
        assert service.process.poll() is None, service.log()
        yield service
    finally:
        service.close()


def configure(folder: Path, *, capture: str = "", service: str = "") -> None:
    """Write airnet.toml, site and policy below `folder`."""
    episode = generate("syn_flood", 5, params=FLOOD)
    gateways = "".join(
        f'[[gateway]]\nip = "{one.ip}"\nport = {one.port}\ncomp_id = "{one.comp_id}"\n'
        for one in episode.site.gateways
    )
    (folder / "site.toml").write_text(gateways)
    (folder / "policy.toml").write_text(ENFORCE)
    interface = "" if "interface" in capture else f'interface = "{CAPTURE}"\n'
    ledger = "" if "ledger" in service else 'ledger = "ledger"\n'
    port = "" if "metrics_port" in service else "metrics_port = 0\n"
    (folder / "airnet.toml").write_text(
        'site = "site.toml"\npolicy = "policy.toml"\n'
        f"[capture]\nring_frames = 4096\n{interface}{capture}\n"
        '[actuators]\ncontroller_socket = "nobody.sock"\n'
        f'[service]\ndecisions = "decisions.jsonl"\n{ledger}{port}{service}\n'
    )


def play() -> list[Frame]:
    """Send the flood at its own pace; return its frames."""
    frames = generate("syn_flood", 5, params=FLOOD).frames
    start_ns, first_ns = time.monotonic_ns(), frames[0][0]
    with sender() as send:
        for time_ns, data in frames:
            while time.monotonic_ns() - start_ns < time_ns - first_ns:
                pass
            send(data)
    return frames


def order_traffic(frames: list[Frame]) -> list[Frame]:
    """Return the frames that the kernel is to give to a site with these gateways."""
    gateways = generate("syn_flood", 5, params=FLOOD).site.gateways
    addresses, ports = {one.ip for one in gateways}, {one.port for one in gateways}
    return [one for one in frames if wants(one[1], addresses, ports)]


def decided(folder: Path) -> bytes:
    return (folder / "decisions.jsonl").read_bytes()


def scrape() -> dict[str, float]:
    """Return what Prometheus would."""
    url = f"http://127.0.0.1:{METRICS_PORT}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


@contextlib.contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[None]:
    """Mount a file system of that size there."""
    place.mkdir()
    size = f"size={kilobytes}k"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("tmpfs cannot be mounted")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_run_from_start_to_sigterm(mirror: None, tmp_path: Path) -> None:
    """READY, signs of life, metrics, decisions, a drain; a recording that agrees."""
    configure(
        tmp_path,
        capture='record = "mirror.pcapng"',
        service=f"metrics_port = {METRICS_PORT}",
    )
    with running(tmp_path) as service:
        frames = play()
        wait_until(lambda: bool(decided(tmp_path)))
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "service.reload_refused" in service.log())
        metrics = scrape()
        wait_until(lambda: "WATCHDOG=1" in service.listen())

        status = service.end()

        assert status == 0, service.log()
        taken = order_traffic(frames)
        totals = json.loads(service.output())
        told = service.told
    assert {"READY=1", "WATCHDOG=1"} <= set(told)
    assert totals["frames"] == len(taken) <= len(frames)
    assert metrics['airnet_capture_frames_total{fate="seen"}'] == len(frames)
    assert metrics["airnet_decisions_total"] >= 1
    assert metrics["airnet_recording"] == 1
    assert "Traceback" not in service.log()
    assert verify(tmp_path / "ledger").verifies
    kinds = [entry.kind for entry in read(tmp_path / "ledger")]
    assert (kinds[0], kinds[-1]) == ("start", "end")
    # Nobody listens on the controller's socket: told, and nothing claimed.
    assert "decision" in kinds
    assert "containment" in kinds
    again = tmp_path / "again.jsonl"
    command = ["replay", str(tmp_path / "mirror.pcapng"), "--decisions", str(again)]
    for name in ("site", "policy"):
        command += [f"--{name}", str(tmp_path / f"{name}.toml")]
    assert main(command) == 0
    assert again.read_bytes() == decided(tmp_path) != b""


def test_run_works_without_any_privilege(mirror: None, tmp_path: Path) -> None:
    """What reads foreign bytes can do nothing; killed, it leaves nothing attached."""
    configure(tmp_path)
    with running(tmp_path) as service:
        status = Path(f"/proc/{service.process.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        command = Path(f"/proc/{service.process.pid}/cmdline").read_bytes()
        with sender() as send:
            send(bytes(60))
        assert "prog/xdp" in shown(CAPTURE)

        service.end(signal.SIGKILL)

    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0, name
    assert fields["NoNewPrivs"] == "1"
    assert b"--attached" in command
    # The kernel takes the sockets and the program away when the last descriptor goes.
    wait_until(lambda: "prog/xdp" not in shown(CAPTURE))


def shown(name: str) -> str:
    """Return what `ip link` says of an interface."""
    return subprocess.run(
        ["ip", "link", "show", name], check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.slow
def test_run_again_after_kill_9(mirror: None, tmp_path: Path) -> None:
    """The ledger opens, what was intended is settled, and nothing comes twice."""
    configure(tmp_path)
    with running(tmp_path) as service:
        play()
        wait_until(lambda: bool(decided(tmp_path)))
        assert service.end(signal.SIGKILL) == -signal.SIGKILL

    with running(tmp_path) as service:
        assert service.end() == 0, service.log()

    assert verify(tmp_path / "ledger").verifies
    entries = list(read(tmp_path / "ledger"))
    kinds = [entry.kind for entry in entries]
    ids = [entry.body["id"] for entry in entries if entry.kind == "decision"]
    assert kinds.count("start") == 2
    assert kinds[-1] == "end"
    assert len(ids) == len(set(ids)) == len(decided(tmp_path).splitlines())


def test_run_goes_on_when_the_recording_has_no_room(
    mirror: None, tmp_path: Path
) -> None:
    """A full disk ends the recording with a log line, not the watch."""
    with small_disk(tmp_path / "small", 256):
        configure(
            tmp_path,
            capture='record = "small/mirror.pcapng"',
            service=f"metrics_port = {METRICS_PORT}",
        )
        with running(tmp_path) as service:
            frames = play()
            wait_until(lambda: "capture.recording_stopped" in service.log())
            wait_until(lambda: bool(decided(tmp_path)))
            is_recording = scrape()["airnet_recording"]

            status = service.end()

            assert status == 0, service.log()
            assert json.loads(service.output())["frames"] == len(order_traffic(frames))
        assert is_recording == 0
        assert main(["replay", str(tmp_path / "small" / "mirror.pcapng")]) == 0


def test_run_ends_when_the_ledger_has_no_room(mirror: None, tmp_path: Path) -> None:
    """What cannot be written down is not done: one line, and the ledger's status."""
    with small_disk(tmp_path / "small", 64):
        configure(tmp_path, service='ledger = "small/ledger"')
        with running(tmp_path) as service:
            with (
                contextlib.suppress(OSError),
                (tmp_path / "small/rest").open("wb") as f,
            ):
                while True:
                    f.write(bytes(4096))
                    f.flush()
            play()

            status = service.wait()

            assert status == 1, service.log()
        last = service.log().splitlines()[-1]
        assert last.startswith("airnet: error: ")
        assert "No space left" in last
        assert "Traceback" not in service.log()
        (tmp_path / "small/rest").unlink()
        kinds = [entry.kind for entry in read(tmp_path / "small/ledger")]
        assert "containment" not in kinds


def test_run_ends_when_the_interface_goes_away(mirror: None, tmp_path: Path) -> None:
    """One line, the capture's status, and a whole ledger."""
    configure(tmp_path)
    with running(tmp_path) as service:
        subprocess.run(["ip", "link", "del", MIRROR], check=True)

        status = service.wait()

        assert status == 65, service.log()
    assert "capture ended" in service.log().splitlines()[-1]
    assert verify(tmp_path / "ledger").verifies


@pytest.mark.parametrize(
    ("capture", "service", "status", "said"),
    [
        ('interface = "nowhere0"', "", 65, "nowhere0"),
        ("ring_frames = 100", "", 78, "airnet.toml:5: capture.ring_frames: "),
        ("queues = 0", "", 78, "airnet.toml:6: capture.queues: "),
        ('colour = "red"', "", 78, "airnet.toml:6: capture.colour: unknown key"),
        ('record = "nowhere/x.pcapng"', "", 78, "capture.record"),
        ("", 'ledger = "nowhere/ledger"', 1, "nowhere/ledger"),
        ("", "metrics_port = 70000", 78, "service.metrics_port: must"),
        ("", 'metrics_host = "192.0.2.9"\nmetrics_port = 9999', 69, "metrics_port"),
    ],
)
def test_run_when_it_cannot_start_then_it_says_why_in_one_line(
    mirror: None, tmp_path: Path, capture: str, service: str, status: int, said: str
) -> None:
    configure(tmp_path, capture=capture, service=service)
    if "ring_frames" in capture:
        text = (tmp_path / "airnet.toml").read_text()
        (tmp_path / "airnet.toml").write_text(text.replace("ring_frames = 4096\n", ""))
    process = Service(tmp_path)

    found = process.wait()

    errors = [one for one in process.log().splitlines() if one.startswith("airnet: ")]
    assert found == status, process.log()
    assert len(errors) == 1
    assert said in errors[0]
    assert "Traceback" not in process.log()
    assert "READY=1" not in process.told
    (line,) = process.output().splitlines()
    assert json.loads(line)["error"]["exit_status"] == status


def test_run_without_privileges_is_told_what_is_missing(
    mirror: None, tmp_path: Path
) -> None:
    configure(tmp_path)
    process = Service(tmp_path, without_privileges=True)

    status = process.wait()

    assert status == 69, process.log()
    assert "CAP_NET" in process.log().splitlines()[-1]
    assert "Traceback" not in process.log()
    (line,) = process.output().splitlines()
    assert json.loads(line)["error"]["exit_status"] == 69
