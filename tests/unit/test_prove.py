"""prove: shipped policies hold, planted bugs are found, and nothing else runs."""

import json
import resource
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from airnet import shipped
from airnet.cli import main
from airnet.config import Config, Site, load
from airnet.decide.facts import ACTIONS
from airnet.decide.ladder import TIERS
from airnet.decide.policy import Policy
from airnet.decide.reading import read_policy
from airnet.domain.decision import Action
from airnet.errors import ConfigError
from airnet.keys import private_key
from airnet.prove import certificate, incident, lift
from airnet.prove.claims import CLAIMS, REACH
from airnet.prove.prover import prove
from tests.fakes.hours import DATA, EXAMPLE, with_hours
from tests.unit.mutants import MUTANTS, PATHED, POLICY, SITE, rung

z3 = pytest.importorskip("z3", reason="pip install 'airnet[policy]'")
Model = pytest.importorskip("airnet.prove.model").Model

#: What a proof may take of a processor: people wait for it.
PROOF_S = 10.0
FILES = {
    "shadow.toml": "policy.toml",
    "site.toml": "site.toml.example",
}


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """Return a folder with an enforcing policy, one in shadow, and a site."""
    for name, source in FILES.items():
        shutil.copy(DATA / source, tmp_path / name)
    (tmp_path / "policy.toml").write_text(with_hours(), encoding="utf-8")
    return tmp_path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return a person's private key."""
    return made(tmp_path / "risk.pem")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Return another person's."""
    return made(tmp_path / "trading.pem")


def made(path: Path) -> Path:
    command = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def humble(papers: Path) -> None:
    """Take what stands for two people's approval out of the policy."""
    policy = papers / "policy.toml"
    lines = policy.read_text(encoding="utf-8").splitlines(keepends=True)
    words = ("presigned", "alone_when_closed")
    policy.write_text(
        "".join(line for line in lines if not line.startswith(words)), encoding="utf-8"
    )


@pytest.mark.parametrize("policy", [POLICY, load(EXAMPLE, Policy), Policy()])
@pytest.mark.parametrize("site", [SITE, PATHED, None])
def test_the_shipped_policies_are_proved(policy: Policy, site: Site | None) -> None:
    before_s = _cpu_s()
    proof = prove(policy, site)
    took_s = _cpu_s() - before_s

    assert [one.claim for one in proof.results if not one.holds] == []
    assert len(proof.results) == len(CLAIMS)
    assert took_s < PROOF_S


def _cpu_s() -> float:
    """Return processor time so far, of this process and of those it waited for."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(
            resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
    )


@pytest.mark.parametrize("site", [SITE, PATHED, None])
def test_a_proof_is_of_something(site: Site | None) -> None:
    """What the guardrails accept is not nothing: every action is among it."""
    model = Model(POLICY, site)

    for place in {row for row, _ in _accepted(model)}:
        assert place >= ACTIONS.index(Action.RATE_LIMIT_SOURCES)
    assert {name for _, name in _accepted(model)} == {
        "rate_limit_sources",
        "drop_sources",
        "confine_host",
        "throttle_session",
        "cancel_orders",
        "isolate_host",
        "isolate_subnet",
        *(["reroute"] if site is not SITE else []),
    }


def _accepted(model: Model) -> list[tuple[int, str]]:
    """Return the actions of which some Decision is accepted."""
    found = []
    for place, action in enumerate(ACTIONS):
        answer = model.solver.check(model.facts.action == place)
        if answer == z3.sat:
            found.append((place, action.value))
    return found


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_found_and_happens(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its counterexample, played by the guardrails with the bug, breaks the claim."""
    policy, site = MUTANTS[name](monkeypatch)

    broken = [one for one in prove(policy, site).results if not one.holds]

    assert broken
    happened = [
        one.claim
        for one in broken
        if one.played is not None and one.claim in one.played.broken
    ]
    assert happened


def test_a_counterexample_is_written_and_played_again(
    papers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (papers / "policy.toml").read_text(encoding="utf-8")
    file = papers / "policy.toml"
    file.write_text(text.replace("approvals = 2", "approvals = 1"), encoding="utf-8")
    words = ["prove", str(file), "--site", str(papers / "site.toml")]

    assert main(words) == 1
    assert "1 approvals" in capsys.readouterr().out
    kept = papers / "policy.approvals.incident.json"
    assert main(["twin", "run", str(kept), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["claim"], told["broken"]) == ("approvals", ["approvals"])
    assert told["judged"]["approvals_needed"] == 1
    # The same Decision under a policy without that bug is refused.
    found = incident.read(kept)
    mended = msgspec.structs.replace(found, policy=POLICY)
    refused = incident.play(mended).refused
    assert refused is not None
    assert refused.why == "guard.approvals"
    assert lift.lifted(mended) is None


def test_a_proof_takes_its_old_counterexamples_away(papers: Path) -> None:
    stale = papers / "policy.approvals.incident.json"
    stale.write_text("{}", encoding="utf-8")

    words = ["prove", str(papers / "policy.toml"), "--site", str(papers / "site.toml")]
    assert main(words) == 0
    assert not stale.exists()
    assert (papers / "policy.toml.proof").exists()


def permit(papers: Path, *keys: str) -> tuple[str, ...]:
    policy, site = papers / "policy.toml", papers / "site.toml"
    return certificate.permit(policy, site, keys).signers


def test_only_what_was_proved_and_signed_as_it_is_may_be_enforced(
    papers: Path, key: Path
) -> None:
    humble(papers)
    policy, site = papers / "policy.toml", papers / "site.toml"
    with pytest.raises(ConfigError, match="never proved"):
        permit(papers)
    assert main(["prove", str(policy), "--site", str(site)]) == 0
    with pytest.raises(ConfigError, match="nobody in `policy_keys` signed"):
        permit(papers)
    public = certificate.sign(policy, private_key(key))
    assert permit(papers, public) == (public,)
    with pytest.raises(ConfigError, match="nobody in `policy_keys` signed"):
        permit(papers, "00" * 32)

    text = policy.read_text(encoding="utf-8")
    policy.write_text(text + "# a word\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="changed since it was proved"):
        permit(papers, public)
    # Proved again, it is another policy than the one that was signed.
    assert main(["prove", str(policy), "--site", str(site)]) == 0
    with pytest.raises(ConfigError, match="nobody in `policy_keys` signed"):
        permit(papers, public)


@pytest.mark.parametrize("word", ["presigned_by", "presigned", "alone_when_closed"])
def test_what_stands_for_two_people_takes_two_keys(
    papers: Path, key: Path, other: Path, word: str
) -> None:
    """Names in a file are no signatures; and one key twice is one person."""
    file = papers / "policy.toml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    rest = {"presigned_by", "presigned", "alone_when_closed"} - {word}
    kept = [one for one in lines if one.partition(" =")[0] not in rest]
    file.write_text("".join(kept), encoding="utf-8")
    assert main(["prove", str(file), "--site", str(papers / "site.toml")]) == 0

    first = certificate.sign(file, private_key(key))
    certificate.sign(file, private_key(key))
    with pytest.raises(ConfigError, match=f"{word}.*two people"):
        permit(papers, first)
    second = certificate.sign(file, private_key(other))
    with pytest.raises(ConfigError, match="two people"):
        permit(papers, first)
    assert set(permit(papers, first, second)) == {first, second}


def test_who_signed_a_scope_in_the_future_signed_nothing(
    papers: Path, key: Path
) -> None:
    humble(papers)
    policy, site = papers / "policy.toml", papers / "site.toml"
    with policy.open("a", encoding="utf-8") as file:
        file.write(
            '[[resigned]]\nscope = "session"\nby = "x"\nat = 2099-01-01T00:00:00Z\n'
        )
    assert main(["prove", str(policy), "--site", str(site)]) == 0
    public = certificate.sign(policy, private_key(key))

    with pytest.raises(ConfigError, match=r"resigned\[0\]\.at: in the future"):
        permit(papers, public)


def test_what_was_verified_is_what_is_used(
    papers: Path, key: Path, other: Path
) -> None:
    """Whoever changes a file after it was looked at changes nothing."""
    policy, site = papers / "policy.toml", papers / "site.toml"
    assert main(["prove", str(policy), "--site", str(site)]) == 0
    keys = [certificate.sign(policy, private_key(one)) for one in (key, other)]

    found = certificate.permit(policy, site, keys)
    policy.write_text("[budget]\nactions_max = 1000\n", encoding="utf-8")
    site.write_text("", encoding="utf-8")

    assert (found.policy, found.site) == (POLICY, SITE)
    assert found.leave["policy_proof"] == "holds"


@pytest.mark.parametrize(
    "source", ["domain/decision.py", "domain/verdict.py", "domain/session.py"]
)
def test_a_proof_is_of_all_that_decides(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = certificate.rules_digest()
    package = Path(certificate.__file__).parents[1]
    for name in ("domain", "decide", "prove"):
        shutil.copytree(package / name, tmp_path / name)
    for name in ("config.py", "toml.py"):
        shutil.copy(package / name, tmp_path / name)
    monkeypatch.setattr(certificate, "_PACKAGE", tmp_path)
    assert certificate.rules_digest() == before

    for name in (source, "config.py"):
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write("# more\n")
        after = certificate.rules_digest()
        assert after != before
        before = after


def test_a_proof_is_of_one_site_and_one_set_of_rules(
    papers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, site = papers / "policy.toml", papers / "site.toml"
    assert main(["prove", str(policy), "--site", str(site)]) == 0
    assert certificate.fault(policy, site) == ""

    assert "a site, and none is named" in certificate.fault(policy, None)
    site.write_text(site.read_text() + "# moved\n")
    assert "another site" in certificate.fault(policy, site)
    monkeypatch.setattr(certificate, "rules_digest", lambda: "other")
    site.write_text(site.read_text().removesuffix("# moved\n"))
    assert "other decision rules" in certificate.fault(policy, site)


def test_a_proof_for_every_site_lets_nothing_be_enforced(
    papers: Path, key: Path
) -> None:
    """It does not say where the mirror, the control channel and the clock are."""
    policy = papers / "policy.toml"
    assert main(["prove", str(policy)]) == 0
    public = certificate.sign(policy, private_key(key))

    with pytest.raises(ConfigError, match="no site is configured"):
        certificate.permit(policy, None, (public,))
    with pytest.raises(ConfigError, match="another site"):
        permit(papers, public)


def test_a_forged_proof_is_no_better_than_none(papers: Path, key: Path) -> None:
    """Whoever can write the folder can write a proof, and cannot sign it."""
    policy, site = papers / "policy.toml", papers / "site.toml"
    public = certificate.sign(policy, private_key(key))
    made = certificate.certificate_of(policy.read_bytes(), site.read_bytes(), "z3")
    certificate.write(policy, made)

    assert certificate.fault(policy, site) == ""
    with pytest.raises(ConfigError, match="nobody in `policy_keys` signed"):
        permit(papers, public)


def test_what_enforces_nothing_needs_no_proof(papers: Path) -> None:
    found = certificate.permit(papers / "shadow.toml", None, ())

    assert found.policy == Policy()


def test_run_refuses_to_enforce_what_is_unproved(
    papers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With status 78, before it attaches to anything."""
    config = papers / "airnet.toml"
    config.write_text(
        'site = "site.toml"\npolicy = "policy.toml"\n[capture]\ninterface = "none0"\n',
        encoding="utf-8",
    )
    load(config, Config)

    assert main(["run", "--config", str(config)]) == 78
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "never proved" in said
    assert "airnet prove POLICY --site SITE" in said


def test_the_policy_that_came_along_is_asked_for_its_proof_as_well(
    papers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without `policy` in airnet.toml: somebody may have edited the shipped one."""
    config = papers / "airnet.toml"
    config.write_text(
        'site = "site.toml"\n[capture]\ninterface = "none0"\n', encoding="utf-8"
    )
    monkeypatch.setattr(shipped, "policy_path", lambda: papers / "policy.toml")

    assert main(["run", "--config", str(config)]) == 78
    assert "never proved" in capsys.readouterr().err


def test_a_calendar_is_written_with_its_half_days(
    papers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The day after Thanksgiving, New York closes at 13:00; 2026-11-26 not at all."""
    pytest.importorskip("exchange_calendars", reason="pip install 'airnet[policy]'")
    file = papers / "xnys.toml"
    words = ["policy", "calendar", "XNYS", "--from", "2026-11-25", "--to", "2026-11-27"]

    assert main([*words, "--output", str(file), "--json"]) == 0
    digest = json.loads(capsys.readouterr().out)["sha256"]
    market = f'[market]\ncalendar = "xnys.toml"\nsha256 = "{digest}"\n'
    (papers / "with.toml").write_text(market, encoding="utf-8")
    intervals = read_policy(papers / "with.toml").market.intervals

    said = [(one.start.isoformat(), one.phase.value) for one in intervals]
    assert said == [
        ("2026-11-25T14:20:00+00:00", "auction"),
        ("2026-11-25T14:30:00+00:00", "continuous"),
        ("2026-11-25T21:00:00+00:00", "auction"),
        ("2026-11-27T14:20:00+00:00", "auction"),
        ("2026-11-27T14:30:00+00:00", "continuous"),
        ("2026-11-27T18:00:00+00:00", "auction"),
    ]
    file.write_text(file.read_text(encoding="utf-8") + "#\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"market\.sha256"):
        read_policy(papers / "with.toml")


def test_lint_names_the_line_of_what_cannot_be_proved(
    papers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = papers / "policy.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    number = lines.index("[[cause.compromise.rung]]       # T7: two people, always")
    lines[number + 3] = "approvals = 1"
    file.write_text("\n".join(lines), encoding="utf-8")

    assert main(["lint", str(file)]) == 78
    said = capsys.readouterr().out
    assert f"policy.toml:{number + 4}: cause.compromise.rung[1].approvals: 1" in said


def test_a_mutant_is_a_change() -> None:
    assert rung("compromise", 1, approvals=1) != POLICY
    assert len(MUTANTS) >= 30


def test_every_action_has_its_place_on_both_ladders() -> None:
    """One is what decides, the other what is claimed of it."""
    assert set(TIERS) == set(Action)
    assert {action: int(tier) for action, tier in TIERS.items() if tier > 1} == REACH
