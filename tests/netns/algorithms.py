"""Real processes that show they run, in cgroups of their own, and their agent."""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from airnet.kernel.cgroup import mounted
from tests.netns.lab_links import wait_until

#: Where this host has them: version 2 alone, or beside version 1 (proc(5), mountinfo).
NOWHERE = Path("/nowhere")
V2 = mounted("cgroup2", "") or NOWHERE
V1 = mounted("cgroup", "cpu") or NOWHERE
#: Where a process is put that is not where its agent believes.
ELSEWHERE = "elsewhere"
SENSOR, AGENT, STRANGER = "sensor", "agent", "stranger"
#: Those of the shipped unit, and no other.
CAPABILITIES = "-all,+bpf,+net_admin,+perfmon"
#: Between two signs of life.
BEAT_S = 0.004
#: How much it computes when told to by SIGUSR1, in s of its processor, and of the day.
BURN_S, BURN_WALL_S = 0.05, 0.2
BEATS = """
import signal, socket, sys, time

def burn(*_):
    over, end = time.thread_time() + BURN, time.monotonic() + WALL
    while time.thread_time() < over and time.monotonic() < end:
        pass

signal.signal(signal.SIGUSR1, burn)
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.connect(("127.0.0.1", int(sys.argv[1])))
word = sys.argv[2].encode()
while True:
    try:
        out.send(word)
    except OSError:
        pass
    time.sleep(float(sys.argv[3]))
""".replace("BURN", str(BURN_S)).replace("WALL", str(BURN_WALL_S))


class Algorithms:
    """Processes that beat, each in a cgroup of its own, and ears for them."""

    def __init__(self) -> None:
        if not os.access(V2 / "cgroup.procs", os.W_OK) or os.geteuid() != 0:
            pytest.skip(f"{V2}: no cgroup of version 2 that we may write")
        self.name = f"airnet-test-{os.getpid()}"
        self._ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ears.bind(("127.0.0.1", 0))
        self._ears.setblocking(False)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._roots = [root for root in (V2, V1) if root.is_dir()]
        for root in self._roots:
            (root / self.name).mkdir()
        (V2 / self.name / ELSEWHERE).mkdir()
        if "cpu" in (V2 / "cgroup.controllers").read_text().split():
            # For its children to have a share of their own, all above must give it.
            for folder in (V2, V2 / self.name):
                (folder / "cgroup.subtree_control").write_text("+cpu")

    def cgroup(self, algorithm: str) -> str:
        return f"{self.name}/{algorithm}"

    def prepare(self, algorithm: str) -> None:
        """Make its cgroup, with nobody in it."""
        for root in self._roots:
            (root / self.cgroup(algorithm)).mkdir()

    def start(self, algorithm: str) -> None:
        """Start its process there, and hear it."""
        if algorithm in self.processes:
            return
        port = str(self._ears.getsockname()[1])
        command = [sys.executable, "-S", "-c", BEATS, port, algorithm, str(BEAT_S)]
        # It joins before it begins: a socket stays with the group it was made in.
        joins = 'for one in $1; do echo $$ > "$one"; done; shift; exec "$@"'
        places = [str(root / self.cgroup(algorithm)) for root in self._roots]
        procs = " ".join(f"{place}/cgroup.procs" for place in places)
        self.processes[algorithm] = subprocess.Popen(
            ["/bin/sh", "-ec", joins, "sh", procs, *command]
        )
        wait_until(lambda: self.is_heard(algorithm))

    def remove(self, algorithm: str) -> None:
        """End its process and take its cgroup away, as its unit does when it stops."""
        process = self.processes.pop(algorithm, None)
        if process is not None:
            process.kill()
            (V2 / self.cgroup(algorithm) / "cgroup.freeze").write_text("0")
            process.wait()
        for root in self._roots:
            wait_until(lambda root=root: _removed(root / self.cgroup(algorithm)))

    def adopt(self, algorithm: str, pid: int) -> None:
        """Put a process of somebody else's there; it must end before `close`."""
        for root in self._roots:
            (root / self.cgroup(algorithm) / "cgroup.procs").write_text(str(pid))

    def move(self, algorithm: str, cgroup: Path) -> None:
        (cgroup / "cgroup.procs").write_text(str(self.processes[algorithm].pid))

    def heard(self, seconds: float) -> dict[str, int]:
        """Return how often each showed itself from now on, for so long."""
        self._drain()
        found: dict[str, int] = {}
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._ears], [], [], left)[0]:
                word = self._ears.recv(64).decode()
                found[word] = found.get(word, 0) + 1
        return found

    def is_heard(self, algorithm: str, seconds: float = 0.06) -> bool:
        """Return whether it shows itself within some of its beats."""
        self._drain()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready = select.select([self._ears], [], [], left)[0]
            if ready and self._ears.recv(64).decode() == algorithm:
                return True
        return False

    def close(self) -> None:
        for algorithm, process in self.processes.items():
            process.kill()
            with contextlib.suppress(FileNotFoundError):  # removed by a test
                freezer = V2 / self.cgroup(algorithm) / "cgroup.freeze"
                freezer.write_text("0")
            process.wait()
        self._ears.close()
        for root in self._roots:
            for folder in sorted((root / self.name).glob("*/")):
                wait_until(lambda folder=folder: _removed(folder))
            (root / self.name).rmdir()

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._ears.recv(64)


def _removed(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


class Host:
    """A trading host's agent, as a process of its own."""

    def __init__(
        self, folder: Path, algorithms: dict[str, str], inside: tuple[str, ...] = ()
    ) -> None:
        self.folder = folder
        self._inside = inside
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        text = (
            f'listen = "127.0.0.1:{self.port}"\ncertificate = "{AGENT}.pem"\n'
            f'key = "{AGENT}.key"\nauthority = "authority.pem"\n'
            f'clients = ["{SENSOR}"]\n'
        )
        for name, cgroup in algorithms.items():
            text += f'[[algorithm]]\nid = "{name}"\ncgroup = "{cgroup}"\n'
            text += "cpu_percent = 5\nframes_per_second = 10\nburst_frames = 2\n"
        (folder / "agent.toml").write_text(text)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("setpriv is not installed")
        command = [setpriv, f"--bounding-set={CAPABILITIES}", sys.executable]
        command += ["-m", "airnet", "agent", "--config"]
        path = os.pathsep.join(sys.path)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._inside, *command, str(self.folder / "agent.toml")],
                stderr=log,
                env=os.environ | {"PYTHONPATH": path},
            )
        wait_until(self.is_listening, 30.0)

    def is_listening(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        if self._inside:  # its loopback is not ours: its process says so to the kernel
            words = ("ss", "-H", "-t", "-l", "-n", "sport", "=", f":{self.port}")
            command = [*self._inside, *words]
            return bool(subprocess.run(command, capture_output=True, check=True).stdout)
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1.0),
        ):
            return True
        return False

    def keeper(self) -> int:
        """Return the process that undoes what this one does not."""
        assert self.process is not None
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0])

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")


def identities(folder: Path) -> None:
    """Write an authority, and who it vouches for; and a stranger it does not know."""
    authority = _issue(folder, "authority", None)
    _issue(folder, AGENT, authority)
    _issue(folder, SENSOR, authority)
    _issue(folder, STRANGER, authority)


Issuer = tuple[x509.Name, Ed25519PrivateKey]


def _issue(folder: Path, name: str, issuer: Issuer | None) -> Issuer:
    key = Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer_name, signer = issuer or (subject, key)
    now = datetime.now(UTC)
    local = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
        .add_extension(local, critical=False)
        .sign(signer, None)
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / f"{name}.pem").write_bytes(pem)
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return subject, key


@contextlib.contextmanager
def trading_host(folder: Path, names: list[str]) -> Iterator[tuple[Algorithms, Host]]:
    """Give algorithms' cgroups, and the agent of their host at work."""
    algorithms = Algorithms()
    host = Host(folder, {name: algorithms.cgroup(name) for name in names})
    try:
        identities(folder)
        for name in names:
            algorithms.prepare(name)
        host.start()
        yield algorithms, host
    finally:
        if host.process is not None and host.process.poll() is None:
            host.process.send_signal(signal.SIGCONT)
            host.end()
        algorithms.close()
