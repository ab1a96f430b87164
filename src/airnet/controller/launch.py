"""Launch: what the controller starts with: keys for TLS, the fast lane beside it."""

import contextlib
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from airnet.errors import ConfigError, UnsupportedError

#: Beside the controller's own socket.
LANE_SOCKET = "lane.sock"


class Tls(NamedTuple):
    """PEM files: our private key and certificate, and who signs those of switches."""

    key: str
    certificate: str
    authority: str


class Bounds(NamedTuple):
    """What the operator says of containments: whom none matches, where any leads."""

    protected: Sequence[str] = ()
    paths: Sequence[str] = ()


def check_tls(tls: Tls) -> None:
    """Raise ConfigError unless the three files are what they should be."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        context.load_verify_locations(tls.authority)
    except OSError as error:  # an SSLError is one
        raise ConfigError(
            f"{', '.join(tls)}: no key, certificate and authority: {error}",
            "give three PEM files",
        ) from error


def speak_tls(settings: Any, tls: Tls, port: int) -> None:
    """Have os-ken listen by TLS there, and nowhere without."""
    settings.set_override("ofp_ssl_listen_port", port)
    settings.set_override("ctl_privkey", tls.key)
    settings.set_override("ctl_cert", tls.certificate)
    settings.set_override("ca_certs", tls.authority)


@contextlib.contextmanager
def beside(
    lane: tuple[str, int] | None,
    socket_path: str,
    protected: Sequence[str],
    tls: Tls | None = None,
) -> Iterator[None]:
    """Run the fast lane while the block runs, started again when it dies.

    It speaks TLS where the controller does.

    Raises:
        UnsupportedError: it did not start.
    """
    if lane is None:
        yield
        return
    host = f"[{lane[0]}]" if ":" in lane[0] else lane[0]
    words = ["--listen", f"{host}:{lane[1]}"]
    words += ["--socket", str(Path(socket_path).with_name(LANE_SOCKET))]
    words += [f"--protected={text}" for text in protected]
    words += ["--tls", *tls] if tls else []
    # Its own process: a pause of this one's collector or lock is not its pause.
    process = subprocess.Popen(
        [sys.executable, "-m", "airnet.controller.keeper", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.readline() != b"ready\n":
            raise UnsupportedError("the fast lane did not start", "see its line above")
        yield
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)
