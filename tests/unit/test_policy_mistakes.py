"""Planted mistakes: what somebody could write, would not see, and `lint` tells.

One change each to the examples that ship; told with file, line, field and what was
expected. Those that only a proof can find are in `mutants.py`.
"""

import json
import re
import shutil
from pathlib import Path

import pytest

from airnet.cli import main
from tests.fakes.hours import DATA, with_hours

Capture = pytest.CaptureFixture[str]
ALGO, FLOOD = "[cause.algo_fault]", "[cause.flood]"

#: What is written in place of what in the policy, and the field that is told.
IN_POLICY = {
    "a session for a gateway": (
        FLOOD, f'{FLOOD}\nassets = ["NORTHMM1"]',
        r"cause\.flood\.assets: NORTHMM1 is a session",
    ),
    "a gateway for a host": (
        "[cause.compromise]", '[cause.compromise]\nassets = ["10.20.0.10:9001"]',
        r"cause\.compromise\.assets: .* no asset names",
    ),
    "a name in told that no rule has": (
        ALGO, f'{ALGO}\ntold = ["session.one_sided_order"]',
        r"cause\.algo_fault\.told: no hard rule is called session\.one_sided_order:",
    ),
    "said, and acted upon at once": (
        ALGO, f'{ALGO}\nat_once = ["session.filled_at_length"]',
        r"cause\.algo_fault\.told: session\.filled_at_length is in at_once, too",
    ),
    "said later than done": (
        ALGO, f"{ALGO}\nevidence_told = 9.0",
        r"cause\.algo_fault\.evidence_told: 9\.0 is above evidence_min 7\.0",
    ),
    "a comma's place": (
        ALGO, f"{ALGO}\nprobability_min = 0.09",
        r"cause\.algo_fault\.probability_min: 0\.09 is less likely than not",
    ),
    "a comma's place in an auction": (
        ('phase = "auction"\nprobability_min = 0.98\ndwell_windows = 4\n'
        "evidence_min = 9.0            #"),
        ('phase = "auction"\nprobability_min = 0.098\ndwell_windows = 4\n'
        "evidence_min = 9.0            #"),
        r"cause\.algo_fault\.when\[1\]\.probability_min: 0\.098 is less",
    ),
    "an opinion that cannot act": (
        "p_value_max = 0.02", "p_value_max = 0",
        r"cause\.algo_fault\.p_value_max: 0: nothing is so rare",
    ),
    "what is for both stands last": (
        'asset = "equity"\nphase = "auction"', 'asset = "bond"\nphase = "auction"',
        (r"cause\.algo_fault\.when\[2\]\.tier_max: does not hold for equity in phase "
        r"auction: when\[1\] counts first"),
    ),
    "a length in seconds": (
        'action = "drop_sources"\nmode = "enforce"\nttl_ms = 60000\n',
        'action = "drop_sources"\nmode = "enforce"\nttl_ms = 60\n',
        r"cause\.flood\.ttl_ms: 60 ms is less than a switch can count",
    ),
    "a pace in seconds": (
        "window_ms = 60000", "window_ms = 60",
        r"budget\.window_ms: 60 ms is no pace",
    ),
    "a hold in seconds": (
        "[budget]", "[hysteresis]\nheld_ms_max = 3600\n\n[budget]",
        r"hysteresis\.held_ms_max: 3600 is below cause\.algo_fault\.ttl_ms 60000",
    ),
    "a rest in seconds": (
        "[budget]", "[hysteresis]\ncooldown_ms = 60\n\n[budget]",
        r"hysteresis\.cooldown_ms: 60 is below gap_ms 250",
    ),
    "less room than one Decision takes": (
        "[budget]", "[budget]\nsources_max = 4",
        r"budget\.sources_max: 4 is below budget\.sources_per_decision_max 8",
    ),
    "a rung without room": (
        "hosts_max = 2", "hosts_max = 0",
        r"budget\.hosts_max: 0, so no rung of cause\.compromise is ever taken",
    ),
    "nobody is told": (
        "[budget]", "[budget]\npassive_max = 0",
        r"budget\.passive_max: 0 means that nothing is ever said",
    ),
    "blind and content": (
        "[budget]", "[trust]\nloss_ppm_max = 1000000\n\n[budget]",
        r"trust\.loss_ppm_max: 1000000 means that no loss is ever too much",
    ),
}  # fmt: skip
#: The same of the site.
IN_SITE = {
    "everything is protected": (
        'network = "10.20.9.0/24"', 'network = "0.0.0.0/0"',
        r"protected 0\.0\.0\.0/0: that is every address",
    ),
    "a subnet of two firms": (
        'hosts = ["10.20.1.11", "10.20.1.12"]',
        ('hosts = ["10.20.1.11", "10.20.1.12"]\nsubnet = "10.20.1.0/24"\n'
        '[[firm]]\nname = "south"\nhosts = ["10.20.1.99", "10.20.1.11", "10.20.1.12"]'),
        r"firm north: subnet 10\.20\.1\.0/24 holds 10\.20\.1\.11 of south",
    ),
    "a session twice": (
        'comp_id = "NORTHDC"\nkind', ('comp_id = "NORTHDC"\nkind = "drop_copy"\n'
        '[[firm.session]]\nhost = "10.20.1.12"\ncomp_id = "NORTHDC"\nkind'),
        r"session NORTHDC at 10\.20\.1\.12: given 2 times",
    ),
    "an envelope that protects": (
        'network = "10.20.9.0/24"', 'network = "10.20.1.0/24"',
        r"firm north session NORTHMM1: runs north-mm but is protected",
    ),
}  # fmt: skip
MISTAKES = {"policy.toml": IN_POLICY, "site.toml": IN_SITE}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the examples, one with hours, beside each other."""
    (tmp_path / "policy.toml").write_text(with_hours(), "utf-8")
    shutil.copy(DATA / "site.toml.example", tmp_path / "site.toml")
    return tmp_path


def linted(capfd: Capture, *files: Path) -> tuple[int, list[str]]:
    """Return lint's status and every problem, on a day of the example's hours."""
    status = main(["lint", "--json", "--on", "2026-11-24", *map(str, files)])
    found = json.loads(capfd.readouterr().out)
    return status, [problem for each in found for problem in each["problems"]]


def planted(file: Path, old: str, new: str) -> None:
    """Plant a mistake."""
    text = file.read_text()
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new))


def test_the_examples_have_none(capfd: Capture, folder: Path) -> None:
    found = linted(capfd, folder / "policy.toml", folder / "site.toml")
    assert found == (0, [])


@pytest.mark.parametrize(
    ("where", "name"),
    [(where, name) for where, mistakes in MISTAKES.items() for name in mistakes],
)
def test_a_mistake_of_its_author_is_told(
    capfd: Capture, folder: Path, where: str, name: str
) -> None:
    """With the file, and the line where there is one."""
    old, new, expected = MISTAKES[where][name]
    file = folder / where
    planted(file, old, new)

    status, told = linted(capfd, folder / "policy.toml", folder / "site.toml")

    assert status == 78
    line = r":\d+" if where == "policy.toml" else r"(:\d+)?"
    wanted = re.compile(rf"^{re.escape(str(file))}{line}: {expected}")
    assert [one for one in told if wanted.match(one)], told


def test_a_network_as_large_as_all_of_ipv4_is_not_every_address(
    capfd: Capture, folder: Path
) -> None:
    """A /96 of IPv6 has as many addresses."""
    file = folder / "site.toml"
    planted(file, 'network = "10.20.9.0/24"', 'network = "2001:db8::/96"')

    _, told = linted(capfd, folder / "policy.toml", file)

    assert not [one for one in told if "every address" in one], told


def test_a_rung_that_too_few_people_could_agree_to_is_told(
    capfd: Capture, folder: Path
) -> None:
    """One approver, for whom two must agree; none who may speak of T7."""
    config = folder / "airnet.toml"
    config.write_text(
        'site = "site.toml"\npolicy = "policy.toml"\napprovers = "approvers.toml"\n'
        '[capture]\ninterface = "eth1"\n'
    )
    (folder / "approvers.toml").write_text(
        f'[[approver]]\nname = "A"\nkey = "{"5f" * 32}"\n'
        f'[[approver]]\nname = "B"\nkey = "{"6f" * 32}"\ntier_max = 5\n'
    )

    status, told = linted(capfd, config)

    assert status == 78
    text = "\n".join(told)
    assert "algo_fault.rung[0].approvals" not in text
    assert re.search(
        r"policy\.toml:\d+: cause\.compromise\.rung\[1\]\.approvals: 2 must agree, and "
        r"the approvers of airnet\.toml have 1 who may speak up to T7",
        text,
    )
