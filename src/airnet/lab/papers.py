"""What airnet must be told about the lab: site.toml, policy.toml, airnet.toml.

The policy is the shipped one, with containment switched on for the two causes the
scenes bring about, and shorter times so that a person can see them end.
"""

import re
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

from airnet.config import (
    Algorithm,
    Config,
    Firm,
    Gateway,
    Protected,
    Site,
    SiteSession,
    load,
)
from airnet.decide.policy import Policy
from airnet.lab.network import (
    ADDRESSES,
    CONTROL_ADDRESS,
    CONTROL_PORT,
    FIRMS,
    GATEWAY_PORT,
    VENUE,
)
from airnet.lab.roster import VENUE_COMP, Plan, plans

#: Room for the bursts of a market, where capture shares its processors.
RING_FRAMES = 32_768
THROTTLE_MS, DROP_MS = 8000, 7000
#: New orders a second an algorithm's owner signed for: several times a fast market's.
ENVELOPE = 200
KINDS: dict[str, Literal["market_maker", "taker"]] = {
    "quoter": "market_maker",
    "taker": "taker",
}


class Papers(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything of a run is."""

    directory: Path

    @property
    def site(self) -> Path:
        """Return the network's file."""
        return self.directory / "site.toml"

    @property
    def policy(self) -> Path:
        """Return the policy's file."""
        return self.directory / "policy.toml"

    @property
    def config(self) -> Path:
        """Return the capture host's file."""
        return self.directory / "airnet.toml"

    @property
    def decisions(self) -> Path:
        """Return where the Decisions go."""
        return self.directory / "decisions.jsonl"

    @property
    def ledger(self) -> Path:
        """Return where the ledger goes."""
        return self.directory / "ledger"

    @property
    def recording(self) -> Path:
        """Return where the mirror's frames go."""
        return self.directory / "mirror.pcapng"

    @property
    def logs(self) -> Path:
        """Return where the logs go."""
        return self.directory / "logs"

    def write(self, controller_socket: Path) -> None:
        """Write all three files of the lab, and read them back as airnet will.

        Raises:
            ConfigError: one of them is wrong.
        """
        self.write_site(lab_site())
        plain = f'plain = ["{CONTROL_ADDRESS}:{CONTROL_PORT}"]\n'
        actuators = f'[actuators]\ncontroller_socket = "{controller_socket}"\n{plain}'
        self._write_config("", actuators)

    def write_watching(self, site: Site, policy: str) -> None:
        """Write all three files for who watches everything and can order nothing.

        Raises:
            ConfigError: one of them is wrong.
        """
        self.write_site(site, policy)
        capture = f'select = "all"\nring_frames = {RING_FRAMES}'
        self._write_config(capture, "")

    def write_site(self, site: Site, policy: str = "") -> None:
        """Write a network's file and the policy's text, and read them back.

        Without a text the policy is the lab's own.

        Raises:
            ConfigError: one of them is wrong.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.site.write_text(site_text(site), "utf-8")
        self.policy.write_text(policy or policy_text(), "utf-8")
        load(self.site, Site)
        load(self.policy, Policy)

    def _write_config(self, capture: str, actuators: str) -> None:
        text = self._config_text(capture, actuators)
        self.config.write_text(text, "utf-8")
        load(self.config, Config)

    def _config_text(self, capture: str, actuators: str) -> str:
        """Return airnet.toml: the capture host of the lab."""
        return f"""\
site = "{self.site.name}"
policy = "{self.policy.name}"

[capture]
interface = "eth0"
backend = "auto"
{capture}
record = "{self.recording.name}"

{actuators}
[service]
ledger = "{self.ledger.name}"
decisions = "{self.decisions.name}"
"""


def lab_site() -> Site:
    """Return the lab's network as its engineers know it."""
    sessions = {firm: plans(firm) for firm in FIRMS}
    return Site(
        gateways=(
            Gateway(
                ip=ADDRESSES[VENUE],
                port=GATEWAY_PORT,
                comp_id=VENUE_COMP,
                control=f"http://{CONTROL_ADDRESS}:{CONTROL_PORT}",
            ),
        ),
        firms=tuple(
            Firm(
                name=firm,
                hosts=(ADDRESSES[firm],),
                sessions=tuple(_session(firm, plan) for plan in plans(firm)),
            )
            for firm in FIRMS
        ),
        protected=(
            Protected(why="the order gateway", network=f"{ADDRESSES[VENUE]}/32"),
        ),
        algorithms=tuple(
            Algorithm(
                id=plan.comp_id.lower(),
                owner=f"{firm} quant desk",
                orders_per_second_max=ENVELOPE,
            )
            for firm in FIRMS
            for plan in sessions[firm]
        ),
    )


def _session(firm: str, plan: Plan) -> SiteSession:
    return SiteSession(
        host=ADDRESSES[firm],
        comp_id=plan.comp_id,
        kind=KINDS[plan.kind],
        algorithm=plan.comp_id.lower(),
    )


def site_text(site: Site) -> str:
    """Return a Site as site.toml."""
    lines = ["# Written by airnet."]
    for gateway in site.gateways:
        lines += _table("gateway", gateway)
    for protected in site.protected:
        lines += _table("protected", protected)
    for firm in site.firms:
        lines += _table("firm", firm)
        for session in firm.sessions:
            lines += _table("firm.session", session)
    for algorithm in site.algorithms:
        lines += _table("algorithm", algorithm)
    return "\n".join(lines) + "\n"


def _table(name: str, part: msgspec.Struct) -> list[str]:
    """Return one table of an array of tables: what is set of strings and numbers."""
    # JSON's strings, numbers and arrays of strings are TOML's too.
    fields = msgspec.to_builtins(part)
    plain = {
        key: value
        for key, value in fields.items()
        if value
        and not (isinstance(value, list | tuple) and isinstance(value[0], dict))
    }
    lines = [f"{key} = {msgspec.json.encode(plain[key]).decode()}" for key in plain]
    return ["", f"[[{name}]]", *lines]


def policy_text() -> str:
    """Return policy.toml: the shipped one, with two causes in force."""
    shipped = resources.files("airnet") / "data" / "policy.toml"
    text = shipped.read_text("utf-8")
    text = _enforced(text, "flood", DROP_MS)
    return _enforced(text, "algo_fault", THROTTLE_MS).replace(
        'name = "default"', 'name = "lab"', 1
    )


def _enforced(text: str, cause: str, ttl_ms: int) -> str:
    """Return the policy with one cause's mode and time changed."""
    head = f"[cause.{cause}]\n"
    before, found, after = text.partition(head)
    assert found, f"the shipped policy has no {head!r}"
    section, mark, rest = after.partition("\n\n")
    section = re.sub(r'mode = "\w+"', 'mode = "enforce"', section)
    section = re.sub(r"ttl_ms = \d+", f"ttl_ms = {ttl_ms}", section)
    return before + head + section + mark + rest
