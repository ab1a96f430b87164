"""policy: the shipped file, what is refused, and what cannot be meant."""

import json
from pathlib import Path

import msgspec
import pytest

from airnet.config import Firm, Gateway, Protected, Site, SiteSession, load
from airnet.decide.market import Phase
from airnet.decide.policy import (
    Budget,
    Causes,
    Contain,
    Policy,
    Rule,
    When,
)
from airnet.decide.problems import problems
from airnet.domain.decision import Mode
from airnet.domain.verdict import CONTAINABLE, Cause
from airnet.errors import ConfigError
from airnet.score.rules import RULES
from tests.fakes.verdicts import SITE

DATA = Path(__file__).parents[2] / "src" / "airnet" / "data"
SHIPPED = DATA / "policy.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_policy_is_the_default_and_all_in_shadow() -> None:
    policy = load(SHIPPED, Policy)

    assert policy == Policy()
    for cause in CONTAINABLE:
        rule = policy.contain(cause)
        assert rule is not None
        assert rule.mode is Mode.SHADOW


def bare(part: object) -> object:
    """Return a JSON schema without its descriptions."""
    if isinstance(part, dict):
        kept = {
            key: value
            for key, value in part.items()
            if not (key == "description" and isinstance(value, str))
        }
        return {key: bare(value) for key, value in kept.items()}
    return [bare(item) for item in part] if isinstance(part, list) else part


def test_the_shipped_schema_is_the_policys_own() -> None:
    shipped = json.loads(SHIPPED.with_name("policy.schema.json").read_bytes())
    made = bare(json.loads(json.dumps(msgspec.json.schema(Policy))))

    assert isinstance(made, dict)
    assert {key: shipped[key] for key in made} == made


def test_the_shipped_policy_has_no_problem_on_the_test_site() -> None:
    assert problems(load(SHIPPED, Policy), SITE) == []


def test_only_three_causes_can_be_contained() -> None:
    policy = Policy()

    containable = {cause for cause in Cause if policy.contain(cause) is not None}

    assert containable == CONTAINABLE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[cause.flood]\nttl_ms = 0", "ttl_ms"),
        (
            '[cause.flood]\naction = "drop_sources"\nttl_ms = 65535001',
            "ttl_ms. must be 1..65535000",
        ),
        ("[cause.algo_fault]\nttl_ms = 86400001", "ttl_ms. must be 1..86400000"),
        (
            '[[cause.compromise.rung]]\naction = "isolate_host"\nttl_ms = 65535001',
            "ttl_ms. must be 1..65535000",
        ),
        ("[cause.flood]\ntier_max = 5", "tier_max"),
        ('[cause.flood]\naction = "isolate_host"', "action"),
        ('[cause.volatility]\naction = "throttle_session"', "action"),
        ('[cause.volatility]\nmode = "enforce"', "mode"),
        ("[cause.flood]\nprobability_min = 0.0", "probability_min"),
        ('[cause.flood]\nmode = "force"', "mode"),
        ("[cause.flood]\nttl = 3", "ttl"),
        ("[cause.normal]\nttl_ms = 3", "normal"),
        ("[budget]\nsources_max = 1000000", "sources_max"),
        ("[budget]\nsession_share_max_percent = 0", "session_share_max_percent"),
        ("[hysteresis]\nrepeats_max = 0", "repeats_max"),
        ("[trust]\nfreeze_ms = 0", "freeze_ms"),
        ("few_sources_max = -1", "few_sources_max"),
    ],
)
def test_a_policy_that_cannot_be_safe_is_refused(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        load(written(tmp_path, text), Policy)


def test_a_table_given_in_part_keeps_that_tables_own_defaults(tmp_path: Path) -> None:
    """One Cause's rule is not another's, and none is the type's."""
    path = written(
        tmp_path,
        '[cause.algo_fault]\nmode = "enforce"\n[cause.unknown]\ndwell_windows = 3\n',
    )

    policy = load(path, Policy)

    plain = Policy().cause
    assert policy.cause.algo_fault == msgspec.structs.replace(
        plain.algo_fault, mode=Mode.ENFORCE
    )
    assert policy.cause.unknown == msgspec.structs.replace(
        plain.unknown, dwell_windows=3
    )
    assert policy.cause.flood == plain.flood


def test_everything_the_example_leaves_out_is_as_in_the_shipped_policy() -> None:
    example, plain = load(DATA / "policy.toml.example", Policy), Policy()

    for name in ("at_once", "evidence_min", "opinion_dwell_ms", "dwell_windows"):
        for cause in CONTAINABLE:
            one, other = example.contain(cause), plain.contain(cause)
            assert getattr(one, name) == getattr(other, name), (cause, name)


def test_an_auction_may_ask_for_more_evidence() -> None:
    rule = msgspec.structs.replace(
        Policy().cause.algo_fault, when=(When(phase=Phase.AUCTION, evidence_min=9.0),)
    )

    assert rule.at("", Phase.AUCTION).evidence_min == 9.0
    assert rule.at("", Phase.CONTINUOUS) == msgspec.structs.replace(
        rule, when=rule.when
    )


def test_names_that_are_none_and_thresholds_without_effect_are_told() -> None:
    plain = Policy().cause
    when = When(phase=Phase.AUCTION, opinion_dwell_ms=2000)
    causes = msgspec.structs.replace(
        plain,
        flood=msgspec.structs.replace(plain.flood, at_once=("gateway.half_opened",)),
        algo_fault=msgspec.structs.replace(
            plain.algo_fault, opinion_dwell_ms=2000, when=(when,)
        ),
        compromise=msgspec.structs.replace(
            plain.compromise, mode=Mode.ENFORCE, action="evidence"
        ),
    )
    rules = [rule.name for kind in RULES.values() for rule in kind]

    found = "\n".join(problems(Policy(cause=causes), SITE, rules))

    for expected in (
        "cause.flood.at_once: no hard rule is called gateway.half_opened",
        "cause.algo_fault.opinion_dwell_ms: has no effect",
        "cause.algo_fault.when[0].opinion_dwell_ms: has no effect",
        "cause.compromise.mode: enforce, but evidence contains nothing",
    ):
        assert expected in found
    assert problems(Policy(), SITE, rules) == []


def test_what_cannot_be_meant_is_named() -> None:
    policy = Policy(
        cause=Causes(
            flood=Contain(action="throttle_session", tier_max=4),
            algo_fault=Contain(
                action="throttle_session",
                mode=Mode.ENFORCE,
                tier_max=1,
                dwell_windows=1,
                assets=("NOBODY", "RISK"),
            ),
        ),
        few_sources_max=9,
        budget=Budget(actions_max=0, sessions_max=0),
        rules=(
            Rule(
                name="r",
                window="gateway",
                feature="f",
                limit=1 << 24,
                cause="algo_fault",
            ),
        ),
    )

    found = "\n".join(problems(policy, SITE))

    for expected in (
        "cause.flood.action: throttle_session does nothing about flood",
        "cause.algo_fault.action: throttle_session is tier 4, above tier_max 1",
        "cause.algo_fault.dwell_windows: one window cannot tell a burst",
        "cause.algo_fault.assets: the site knows no NOBODY",
        "cause.algo_fault.assets: RISK is protected",
        "cause.algo_fault.mode: enforce, but no gateway",
        "few_sources_max: 9 is above",
        "budget.actions_max: 0 latches",
        "budget.sessions_max: 0",
        "rule r: limit 16777216 is above",
        "rule r: a gateway window cannot show algo_fault",
    ):
        assert expected in found


def test_what_a_site_cannot_mean_is_named() -> None:
    session = SiteSession(host="10.0.1.9", comp_id="A", algorithm="gone")
    site = Site(
        gateways=(Gateway(ip="192.0.2.1", port=9878, comp_id="VENUE"),),
        firms=(Firm(name="alpha", hosts=("10.0.1.1",), sessions=(session,)),),
        protected=(
            Protected(comp_id="VENUE", why="mine"),
            Protected(comp_id="A", why="mine"),
        ),
        algorithms=SITE.algorithms,
    )

    found = "\n".join(problems(Policy(), site))

    for expected in (
        "algorithm maker: no session runs it",
        "firm alpha session A: algorithm gone is not registered",
        "firm alpha session A: host 10.0.1.9 is not a host of the firm",
        "firm alpha session A: runs gone but is protected",
        "protected VENUE: is the CompID of gateway 192.0.2.1:9878",
        "gateway 192.0.2.1:9878: not on the protected list",
    ):
        assert expected in found


def test_a_protected_network_that_is_none_is_refused() -> None:
    site = Site(protected=(Protected(network="10.0.0.0/33", why="typo"),))

    with pytest.raises(ConfigError, match=r"10\.0\.0\.0/33"):
        problems(Policy(), site)
