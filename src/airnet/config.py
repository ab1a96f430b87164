"""Configuration: one closed, frozen tree per file, read from TOML, no globals.

Three files: `airnet.toml` (this host), `site.toml` (the network) and `policy.toml`
(airnet.decide.policy). Parts are handed down, never the whole.
"""

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from airnet.closed import Closed, require, require_each_once
from airnet.domain.address import address_bytes
from airnet.errors import ConfigError
from airnet.paths import LinePath, Sdn
from airnet.toml import explain, field_of, line_of, read_text, tree_of

T = TypeVar("T")

#: Processors that an affinity mask has room for. Source: CPU_SETSIZE, sched.h.
CPUS_MAX = 1024
INTERFACE_NAME = r"[^\s/]{0,15}"  # Source: IFNAMSIZ, include/uapi/linux/if.h
FIELDS_REMEDY = "see docs/operating for every field"
#: A device as DPDK's --vdev and --allow take it.
DPDK_DEVICE = re.compile(
    r"--vdev=net_[a-z_]+\d*(,\S+)?|([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](,\S+)?"
)
DPDK_OPTION = re.compile(r"--(lcores|socket-mem|iova-mode|log-level)=\S+")

Asset = Literal["equity", "future", "option", "bond", "currency", "crypto"]


class Gateway(Closed, frozen=True):
    """An order gateway: where it listens, its control URL, what is traded there."""

    ip: str
    port: int
    comp_id: str = ""
    control: str = ""
    control_fix: str = ""
    asset: Asset | Literal[""] = ""

    def __post_init__(self) -> None:
        address_bytes(self.ip)
        require(0 < self.port < 65536, "`port` must be 1..65535")


#: What a session is for, as a site file says it.
SessionKind = Literal[
    "market_maker", "taker", "execution", "arbitrage", "drop_copy", "other"
]


class SiteSession(Closed, frozen=True):
    """A FIX session a firm is known to run: from which host, under which CompID."""

    host: str
    comp_id: str
    kind: SessionKind = "other"
    algorithm: str = ""
    version: str = ""

    def __post_init__(self) -> None:
        address_bytes(self.host)


class Firm(Closed, frozen=True):
    """A firm, its hosts and its sessions; `subnet` holds every one of its hosts."""

    name: str
    subnet: str = ""
    hosts: tuple[str, ...] = ()
    sessions: tuple[SiteSession, ...] = msgspec.field(name="session", default=())

    def __post_init__(self) -> None:
        for host in self.hosts:
            address_bytes(host)
        if self.subnet:
            network = ipaddress.ip_network(self.subnet)
            inside = all(ipaddress.ip_address(host) in network for host in self.hosts)
            require(inside, "`subnet` must hold every host of the firm")


class Protected(Closed, frozen=True):
    """A thing no action may ever match: an address or prefix, or a CompID.

    `role`: airnet is blind or lame without it; what its clock is set by, and so on.
    """

    why: str
    network: str = ""
    comp_id: str = ""
    role: Literal["", "mirror", "control", "clock"] = ""

    def __post_init__(self) -> None:
        is_one = bool(self.network) != bool(self.comp_id)
        require(is_one, "exactly one of `network` and `comp_id` must be given")


class Algorithm(Closed, frozen=True):
    """An algorithm's registered envelope; a breach is a fact, not an opinion."""

    id: str
    orders_per_second_max: int
    owner: str = ""


class Site(Closed, frozen=True):
    """The network as its engineers know it. An empty site is legal: airnet learns."""

    gateways: tuple[Gateway, ...] = msgspec.field(name="gateway", default=())
    firms: tuple[Firm, ...] = msgspec.field(name="firm", default=())
    protected: tuple[Protected, ...] = ()
    algorithms: tuple[Algorithm, ...] = msgspec.field(name="algorithm", default=())
    paths: tuple[LinePath, ...] = msgspec.field(name="path", default=())

    def __post_init__(self) -> None:
        require_each_once([path.name for path in self.paths])


class Capture(Closed, frozen=True):
    """Where frames come from. `auto` takes the best this host has, and says which."""

    interface: str
    backend: Literal["auto", "xdp", "xdp_generic", "packet", "dpdk"] = "auto"
    queues: int = 1
    ring_frames: int = 8192
    select: Literal["auto", "all", "order"] = "auto"
    zero_copy: Literal["auto", "never"] = "auto"
    busy_poll_us: int = 0
    trailer: Literal["none", "metamako", "exablaze", "erspan"] = "none"
    record: str = ""
    dpdk_args: tuple[str, ...] = ()
    dpdk_nap_us: int = 50

    def __post_init__(self) -> None:
        fits = self.interface and re.fullmatch(INTERFACE_NAME, self.interface)
        require(fits, "`interface` must be the name of a network interface")
        require(0 < self.queues <= 64, "`queues` must be 1..64")
        is_power = self.ring_frames & (self.ring_frames - 1) == 0
        require(
            64 <= self.ring_frames <= 65536 and is_power,
            "`ring_frames` must be a power of two, 64..65536",
        )
        require(
            0 <= self.busy_poll_us <= 1_000_000, "`busy_poll_us` must be 0..1000000"
        )
        require(0 <= self.dpdk_nap_us <= 10_000, "`dpdk_nap_us` must be 0..10000")
        self._check_dpdk()

    def _check_dpdk(self) -> None:
        """One device, and of DPDK's own options those that cannot undo ours."""
        if self.backend != "dpdk":
            require(
                not self.dpdk_args,
                '`dpdk_args` must be left out unless `backend` is "dpdk"',
            )
            return
        devices = [one for one in self.dpdk_args if DPDK_DEVICE.fullmatch(one)]
        others = [one for one in self.dpdk_args if one not in devices]
        require(
            len(devices) == 1,
            '`dpdk_args` must name one device: "--vdev=DRIVER,KEY=VALUE..." or a PCI'
            ' address, "0000:3b:00.0"',
        )
        for other in others:
            require(
                bool(DPDK_OPTION.fullmatch(other)),
                "`dpdk_args` must hold, beside the device, only --lcores=,"
                f" --socket-mem=, --iova-mode= or --log-level=, not {other!r}",
            )


class Actuators(Closed, frozen=True):
    """How containments leave: the controller's socket, gateways' control URLs.

    `certificate`, `key` and `authority` are who airnet is to gateways with an https
    URL, and who vouches for them. `plain` names, as HOST:PORT, the controls off this
    host that may be spoken to without. `rehearse_us`: how often idle hands rehearse a
    shot of the fast lane while frames come, 0 for never.
    """

    controller_socket: str = ""
    timeout_ms: int = 1000
    rehearse_us: int = 500
    certificate: str = ""
    key: str = ""
    authority: str = ""
    plain: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Five of them may pass between two of the hands' signs of life, 8 s at most.
        require(0 < self.timeout_ms <= 1500, "`timeout_ms` must be 1..1500")
        require(0 <= self.rehearse_us <= 10**6, "`rehearse_us` must be 0..1000000")
        files = {bool(self.certificate), bool(self.key), bool(self.authority)}
        require(len(files) == 1, "`certificate` must come with `key` and `authority`")


class GuardPort(Closed, frozen=True):
    """The inline port, or the guarded host's, where the guard holds frames back.

    "" for none. `gateways` are those whose traffic comes in there; none named: all.
    `strangers_...` may pass to one under flood, of all who are not logged on. An idle
    lane rehearses a flood every `rehearse_us` (0: never) and looks for frames for
    `spin_us` before it sleeps. `foresees`: floods are decided on in advance.
    """

    interface: str = ""
    gateways: tuple[str, ...] = ()
    strangers_per_second: int = 1000
    strangers_burst: int = 100
    rehearse_us: int = 500
    foresees: bool = True
    spin_us: int = 0

    def __post_init__(self) -> None:
        fits = re.fullmatch(INTERFACE_NAME, self.interface) is not None
        require(fits, "`interface` must be the name of a network interface")
        for address in self.gateways:
            address_bytes(address)
        for name, least, most in (
            ("strangers_per_second", 1, 10_000_000),
            ("strangers_burst", 1, 1_000_000),
            ("rehearse_us", 0, 1_000_000),
            ("spin_us", 0, 1_000_000),
        ):
            fits = least <= getattr(self, name) <= most
            require(fits, f"`{name}` must be {least}..{most}")


class Service(Closed, frozen=True):
    """Paths and ports of the running service. `metrics_port` 0 means none.

    `user` is the account to work as when started by root; "" keeps root's, without
    any of its capabilities. `socket`: where people talk; "" is beside the ledger.
    """

    ledger: str = "/var/lib/airnet/ledger"
    decisions: str = ""
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9464
    user: str = ""
    socket: str = ""

    def __post_init__(self) -> None:
        ipaddress.ip_address(self.metrics_host)
        require(0 <= self.metrics_port < 65536, "`metrics_port` must be 0..65535")
        require(bool(self.ledger), "`ledger` must name a directory")


class Lanes(Closed, frozen=True):
    """How many processors decode, and which; none named leaves that to the kernel.

    The first is the one that also captures, makes features and decides.
    """

    lanes: Literal[1, 2, 4] = 1
    cpus: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        is_whole = len(self.cpus) in (0, self.lanes)
        is_whole = is_whole and len(set(self.cpus)) == len(self.cpus)
        require(is_whole, "`cpus` must name as many processors as `lanes`, or none")
        is_small = all(0 <= cpu < CPUS_MAX for cpu in self.cpus)
        require(is_small, f"`cpus` must be 0..{CPUS_MAX - 1}")


class Config(Closed, frozen=True):
    """`airnet.toml`, whole. Relative paths are relative to the file."""

    capture: Capture
    pipeline: Lanes = Lanes()
    site: str = ""
    policy: str = ""
    approvers: str = ""
    agents: str = ""
    models: str = ""
    model_keys: tuple[str, ...] = ()
    policy_keys: tuple[str, ...] = ()
    actuators: Actuators = Actuators()
    sdn: Sdn = Sdn()
    guard: GuardPort = GuardPort()
    service: Service = Service()

    def __post_init__(self) -> None:
        for name in ("model_keys", "policy_keys"):
            require(
                all(re.fullmatch(r"[0-9a-f]{64}", key) for key in getattr(self, name)),
                f"`{name}` must be Ed25519 public keys, 64 hexadecimal digits each",
            )
        require(
            not self.guard.interface or self.guard.interface != self.capture.interface,
            "`guard.interface` must be another than the mirror's: what the guard drops "
            "the mirror would not show",
        )
        sockets = (self.actuators.controller_socket, *self.sdn.standby)
        is_one_each = "" not in sockets and len(set(sockets)) == len(sockets)
        require(
            is_one_each or (sockets == ("",) and not self.sdn.paths),
            "`sdn.standby` must name other sockets than `actuators.controller_socket`, "
            "each once, and nothing of `sdn` is without that",
        )


def load(path: Path, kind: type[T]) -> T:
    """Read a TOML file into `kind`.

    Raises:
        ConfigError: unreadable, no TOML, an unknown key, a wrong type or value; it
            names file, line where known, field and what was expected.
    """
    return parse(read_text(path), path, kind)


def parse(text: str, path: Path, kind: type[T]) -> T:
    """Make `kind` of a TOML file's text; a table given in part keeps its defaults.

    Raises:
        ConfigError: as `load`.
    """
    try:
        tree = tree_of(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        where = f":{found.group(1)}" if found else ""
        raise ConfigError(
            f"{path}{where}: not TOML: {error}", "correct that line"
        ) from error
    try:
        return msgspec.convert(_completed(tree, kind), kind, strict=True)
    except msgspec.ValidationError as error:
        steps, problem = explain(str(error))
        where = line_of(text, steps)
        field = field_of(steps)
        raise ConfigError(f"{path}{where}: {field}{problem}", FIELDS_REMEDY) from error


def _completed(tree: dict[str, Any], kind: type) -> dict[str, Any]:
    """Return a table with what its own default says of what a part of it leaves out.

    The default of a table's type says less: one Cause's rule is not another's.
    """
    whole = dict(tree)
    for field in msgspec.structs.fields(kind):
        given, plain = tree.get(field.encode_name), field.default
        if isinstance(given, dict) and isinstance(plain, msgspec.Struct):
            whole[field.encode_name] = _beside(given, plain)
    return whole


def _beside(given: dict[str, Any], plain: msgspec.Struct) -> dict[str, Any]:
    """Return a table with what it leaves out as in `plain`."""
    whole: dict[str, Any] = {**msgspec.to_builtins(plain)}
    for name, value in given.items():
        below = getattr(plain, name, None)
        whole[name] = value
        if isinstance(value, dict) and isinstance(below, msgspec.Struct):
            whole[name] = _beside(value, below)
    return whole


__all__ = ["Closed", "LinePath", "Sdn", "require"]
