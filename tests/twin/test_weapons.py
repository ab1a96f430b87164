"""Nobody aims airnet at somebody else: replayed through the whole pipeline, in force.

Every cause is enforced, and each attack is mixed into a quiet market. What may follow
is a stranger dropped or a gateway shielded; never a firm, a host that trades, a gateway
or a session contained, and nothing twice.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airnet._ext.stream import SESSIONS_MAX
from airnet.cli import main
from airnet.config import Site
from airnet.extract import Extraction, extract
from airnet.record.file import read
from airnet.shipped import policy_path
from airnet.twin.traffic import Episode
from airnet.twin.wire import Frame, write_pcapng
from tests.fakes import weapons
from tests.fakes.weapons import ATTACKER, hosts, mixed, quiet, sessions

pytestmark = pytest.mark.slow

PASSIVE = {"observe", "alert", "evidence"}
SITES = ("site", "no site")


def replayed(
    folder: Path, episode: Episode, attack: list[Frame], site: str
) -> list[dict[str, Any]]:
    """Return the containments ordered."""
    write_pcapng(folder / "in.pcapng", mixed(episode, attack))
    shipped = policy_path().read_text()
    policy = folder / "policy.toml"
    policy.write_text(shipped.replace('mode = "shadow"', 'mode = "enforce"'))
    words = ["--policy", str(policy), "--decisions", str(folder / "out.jsonl")]
    if site == "site":
        (folder / "site.toml").write_text(site_text(episode.site))
        words += ["--site", str(folder / "site.toml")]
    words += ["--ledger", str(folder / "ledger"), "--json"]

    assert main(["replay", str(folder / "in.pcapng"), *words]) == 0

    lines = (folder / "out.jsonl").read_text().splitlines()
    made = [json.loads(line) for line in lines]
    return [one for one in made if one["action"] not in PASSIVE]


def site_text(site: Site) -> str:
    """Return a site as TOML."""
    lines = []
    for gateway in site.gateways:
        lines += ["[[gateway]]", f'ip = "{gateway.ip}"', f"port = {gateway.port}"]
    for firm in site.firms:
        listed = ", ".join(f'"{host}"' for host in firm.hosts)
        lines += ["[[firm]]", f'name = "{firm.name}"', f"hosts = [{listed}]"]
        for one in firm.sessions:
            lines += [
                "[[firm.session]]",
                f'host = "{one.host}"',
                f'comp_id = "{one.comp_id}"',
            ]
    return "\n".join(lines) + "\n"


def innocents(episode: Episode) -> set[str]:
    """Return every address and CompID that did nothing."""
    found = set(hosts(episode)) | {one.ip for one in episode.site.gateways}
    for firm in episode.site.firms:
        found |= {one.comp_id for one in firm.sessions}
    return found


def require_harmless(episode: Episode, made: list[dict[str, Any]]) -> None:
    """Fail when somebody innocent is contained, or anybody twice."""
    harmed = []
    for one in made:
        # A shield names the gateway it stands before; known hosts pass it.
        if one["action"] == "rate_limit_sources":
            continue
        named = {part.rsplit(":", 1)[0].strip("[]") for part in one["target"]}
        named |= set(one["target"])
        if named & innocents(episode):
            harmed.append((one["action"], one["target"], one["rule"], one["why"]))
    assert not harmed
    often = Counter(target for one in made for target in one["target"][:1])
    assert all(count == 1 for count in often.values()), f"it flaps: {often}"


@pytest.fixture(scope="module")
def episode() -> Episode:
    return quiet()


def test_the_market_alone_is_quiet(episode: Episode, tmp_path: Path) -> None:
    """Without an attack nothing is ordered, so that what follows is the attack's."""
    made = replayed(tmp_path, episode, [], "no site")

    assert made == []
    assert len(sessions(episode)) >= 4


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("kind", ["syn", "udp"])
@pytest.mark.parametrize("who", ["one firm", "all firms", "the gateway", "both ends"])
def test_a_flood_in_somebody_elses_name(
    episode: Episode, tmp_path: Path, site: str, kind: str, who: str
) -> None:
    gateway = [one.ip for one in episode.site.gateways]
    sources = {
        "one firm": hosts(episode)[:1],
        "all firms": hosts(episode),
        "the gateway": gateway,
        "both ends": hosts(episode) + gateway,
    }[who]
    flood = weapons.syn_flood if kind == "syn" else weapons.udp_flood

    made = replayed(tmp_path, episode, flood(episode, sources), site)

    require_harmless(episode, made)


@pytest.mark.parametrize("site", SITES)
def test_a_flood_that_mixes_firms_with_strangers(
    episode: Episode, tmp_path: Path, site: str
) -> None:
    """Cutting the strangers among the sources must not take the firms along."""
    sources = [*hosts(episode), *(f"203.0.113.{n}" for n in range(4))]

    made = replayed(tmp_path, episode, weapons.syn_flood(episode, sources), site)

    require_harmless(episode, made)


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("rate", [200, 3000])
def test_orders_forged_blindly_into_a_live_session(
    episode: Episode, tmp_path: Path, site: str, rate: int
) -> None:
    """Who does not see the line does not know its numbers; TCP takes nothing of it."""
    live = sessions(episode)[0]
    attack = weapons.forged(episode, live, rate, is_blind=True)

    made = replayed(tmp_path, episode, attack, site)

    require_harmless(episode, made)


@pytest.mark.parametrize("rate", [60, 1500])
def test_orders_forged_in_order_that_no_gateway_answers(
    episode: Episode, tmp_path: Path, rate: int
) -> None:
    """Who sees the line knows its numbers; what the gateway takes, it answers."""
    live = sessions(episode)[0]
    attack = weapons.forged(episode, live, rate, is_blind=False)

    made = replayed(tmp_path, episode, attack, "site")

    require_harmless(episode, made)


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("rate", [500, 4000])
def test_a_sessions_own_frames_again(
    episode: Episode, tmp_path: Path, site: str, rate: int
) -> None:
    live = sessions(episode)[0]
    attack = weapons.replayed(episode, live, rate)

    made = replayed(tmp_path, episode, attack, site)

    require_harmless(episode, made)


@pytest.mark.parametrize(
    ("rate", "on_ms", "off_ms"),
    [(3000, 100, 900), (3000, 20, 80), (800, 250, 250), (300, 500, 500), (120, 50, 50)],
)
def test_riding_the_threshold_changes_state_twice_at_most(
    episode: Episode, tmp_path: Path, rate: int, on_ms: int, off_ms: int
) -> None:
    attack = weapons.riding(episode, rate, on_ms, off_ms)

    made = replayed(tmp_path, episode, attack, "site")

    require_harmless(episode, made)
    assert len(made) <= 2, [one["target"] for one in made]
    entries = [one.body for one in read(tmp_path / "ledger")]
    changes = Counter(str(one["decision_id"]) for one in entries if "handle" in one)
    assert all(count <= 2 for count in changes.values())


def test_strangers_in_turn_do_not_use_the_budget_up(
    episode: Episode, tmp_path: Path
) -> None:
    """Forty floods one after another leave room for what comes next."""
    attack = weapons.one_after_another(episode, 40, 4000)

    made = replayed(tmp_path, episode, attack, "site")

    require_harmless(episode, made)
    modes = Counter(one["mode"] for one in made)
    assert modes["shadow"] == 0, f"latched: {len(made)} containments"


def test_sources_without_number_use_no_more_memory(
    episode: Episode, tmp_path: Path
) -> None:
    """Four times the made-up addresses, sessions and ports, and no more memory."""
    peaks = []
    for rate in (4000, 16_000):
        rng = weapons.random.Random(rate)
        sources = [
            f"{rng.randrange(11, 120)}.{rng.randrange(256)}.{rng.randrange(256)}.7"
            for _ in range(50_000)
        ]
        attack = weapons.syn_flood(episode, sources, rate)
        path = tmp_path / f"{rate}.pcapng"
        write_pcapng(path, mixed(episode, attack))
        out = tmp_path / f"{rate}.jsonl"
        words = ["replay", str(path), "--decisions", str(out), "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "airnet", *words],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        peaks.append(json.loads(done.stdout)["peak_rss_bytes"])
        made = [json.loads(line) for line in out.read_text().splitlines()]
        acting = [one for one in made if one["action"] not in PASSIVE]
        require_harmless(episode, acting)
        assert len(acting) <= 2

    print(peaks)
    assert peaks[1] - peaks[0] < 16 << 20, peaks


@pytest.mark.parametrize("count", [1, 200])
def test_sessions_without_number_keep_nobody_s_own_unread(
    episode: Episode, tmp_path: Path, count: int
) -> None:
    """More sessions than are kept, of strangers: the firms' are read as before.

    Also of who logs on when every row is a stranger's: who nobody answers gives way.
    """
    strangers = [f"203.0.113.{1 + number}" for number in range(count)]
    attack = weapons.logged_on_without_number(episode, strangers, 1500)
    session = episode.site.firms[0].sessions[0]
    late = weapons.late_session(episode, session.comp_id, attack[-1][0] + 10_000_000)
    orders = {}
    for name, more in (("quiet", []), ("alone", late), ("attacked", attack + late)):
        path = tmp_path / f"{name}.pcapng"
        write_pcapng(path, mixed(episode, more))
        told = extract(Extraction((path,)))
        orders[name] = {kind: told["messages"][kind] for kind in ("D", "F", "G", "8")}
        streams = told["streams"]
    assert len(attack) // 5 > SESSIONS_MAX
    assert streams["sessions_evicted"] > 0, "there was room for them all"
    assert streams["sessions_full"] == 0
    came = orders["alone"]["D"]["up"] - orders["quiet"]["D"]["up"]

    made = replayed(tmp_path, episode, attack + late, "site")

    assert came == weapons.LATE_ORDERS
    assert orders["attacked"] == orders["alone"]
    require_harmless(episode, made)
    assert len(made) <= count + 2
    assert not [one for one in made if one["mode"] == "shadow"]


def test_the_same_capture_in_both_modes_differs_in_mode_alone(
    episode: Episode, tmp_path: Path
) -> None:
    """Shadow takes the very path of enforce, up to the last call (SR-11)."""
    sources = [ATTACKER]
    attack = weapons.syn_flood(episode, sources)
    write_pcapng(tmp_path / "in.pcapng", mixed(episode, attack))
    lines = {}
    for mode in ("shadow", "enforce"):
        policy = tmp_path / f"{mode}.toml"
        shipped = policy_path().read_text()
        policy.write_text(shipped.replace('mode = "shadow"', f'mode = "{mode}"'))
        out = tmp_path / f"{mode}.jsonl"
        words = ["--policy", str(policy), "--decisions", str(out), "--json"]
        assert main(["replay", str(tmp_path / "in.pcapng"), *words]) == 0
        lines[mode] = out.read_bytes()

    assert b'"mode":"enforce"' in lines["enforce"]
    shadowed = lines["enforce"].replace(b'"mode":"enforce"', b'"mode":"shadow"')
    assert shadowed == lines["shadow"]
