"""Configuration: one closed, frozen tree per file, read from TOML, no globals.

Three files: `airnet.toml` (this host), `site.toml` (the network: gateways, firms,
protected things, algorithms) and `policy.toml` (airnet.decide.policy). Parts are
handed down, never the whole.
"""

import re
import tomllib
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from airnet.domain.session import address_bytes
from airnet.errors import ConfigError

T = TypeVar("T")


class Closed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a configuration file: unknown keys and wrong types are refused."""


class Gateway(Closed, frozen=True):
    """An order gateway: where it listens and, if it has one, its control URL."""

    ip: str
    port: int
    comp_id: str = ""
    control: str = ""

    def __post_init__(self) -> None:
        address_bytes(self.ip)
        if not 0 < self.port < 65536:
            raise ValueError("`port` must be 1..65535")


class SiteSession(Closed, frozen=True):
    """A FIX session a firm is known to run: from which host, under which CompID."""

    host: str
    comp_id: str
    kind: Literal[
        "market_maker", "taker", "execution", "arbitrage", "drop_copy", "other"
    ] = "other"
    algorithm: str = ""

    def __post_init__(self) -> None:
        address_bytes(self.host)


class Firm(Closed, frozen=True):
    """A firm, its hosts and its sessions."""

    name: str
    hosts: tuple[str, ...] = ()
    sessions: tuple[SiteSession, ...] = msgspec.field(name="session", default=())

    def __post_init__(self) -> None:
        for host in self.hosts:
            address_bytes(host)


class Protected(Closed, frozen=True):
    """A thing no action may ever match: an address or prefix, or a CompID."""

    why: str
    network: str = ""
    comp_id: str = ""

    def __post_init__(self) -> None:
        if bool(self.network) == bool(self.comp_id):
            raise ValueError("exactly one of `network` and `comp_id` must be given")


class Algorithm(Closed, frozen=True):
    """An algorithm's registered envelope; a breach is a fact, not an opinion."""

    id: str
    orders_per_second_max: int
    cancels_per_order_max: int = 0
    owner: str = ""


class Site(Closed, frozen=True):
    """The network as its engineers know it. An empty site is legal: airnet learns."""

    gateways: tuple[Gateway, ...] = msgspec.field(name="gateway", default=())
    firms: tuple[Firm, ...] = msgspec.field(name="firm", default=())
    protected: tuple[Protected, ...] = ()
    algorithms: tuple[Algorithm, ...] = msgspec.field(name="algorithm", default=())


class Capture(Closed, frozen=True):
    """Where frames come from. `auto` takes the best this host has, and says which."""

    interface: str
    backend: Literal["auto", "xdp", "xdp_generic", "packet"] = "auto"
    queues: int = 1
    ring_frames: int = 8192
    record: str = ""


class Actuators(Closed, frozen=True):
    """How containments leave: the controller's socket, gateways' control URLs."""

    controller_socket: str = ""
    timeout_ms: int = 1000


class Service(Closed, frozen=True):
    """Paths and ports of the running service. `metrics_port` 0 means none."""

    ledger: str = "/var/lib/airnet/ledger"
    decisions: str = ""
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9464


class Config(Closed, frozen=True):
    """`airnet.toml`, whole. Relative paths are relative to the file."""

    capture: Capture
    site: str = ""
    policy: str = ""
    models: str = ""
    actuators: Actuators = Actuators()
    service: Service = Service()


def load(path: Path, kind: type[T]) -> T:
    """Read a TOML file into `kind`.

    Raises:
        ConfigError: unreadable, no TOML, an unknown key, a wrong type or value; it
            names file, line where known, field and what was expected.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read: {error}", "check the path"
        ) from error
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}", "correct that line") from error
    try:
        return msgspec.convert(tree, kind, strict=True)
    except msgspec.ValidationError as error:
        where = _line_of(text, str(error))
        raise ConfigError(
            f"{path}{where}: {error}", "see docs/operating for every field"
        ) from error


def _line_of(text: str, message: str) -> str:
    """Return `:LINE` of the key a validation message names, or nothing."""
    unknown = re.search(r"unknown field `([^`]+)`", message)
    path = re.search(r"\$((?:\.[\w-]+|\[[^\]]*\])+)", message)
    names = re.findall(r"\.([\w-]+)", path.group(1)) if path else []
    name = unknown.group(1) if unknown else (names[-1] if names else "")
    if not name:
        return ""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*(\[+\s*)?([\w-]+\.)*\"?{re.escape(name)}\"?\s*[=\]]", line):
            return f":{number}"
    return ""
