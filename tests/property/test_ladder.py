"""The ladder as a machine: whatever comes, no claim breaks, twice the same way."""

import msgspec
from hypothesis import event, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from airnet.config import Firm, Gateway, Protected, Site, SiteSession
from airnet.decide import Judge
from airnet.decide.facts import Facts
from airnet.decide.guardrails import Refused
from airnet.decide.ladder import Need, Rung
from airnet.decide.market import Interval, Phase
from airnet.decide.policy import (
    Budget,
    Causes,
    Contain,
    Hysteresis,
    Market,
    Policy,
    Rule,
    When,
)
from airnet.domain.columns import HOST_SCHEMA, SCHEMAS
from airnet.domain.decision import PASSIVE, Decision, Mode, TargetType
from airnet.domain.instruction import PROPOSAL_NS
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_HOST
from airnet.prove import claims
from airnet.prove.incident import Before, Incident, grounds_of, truth_of
from tests.fakes.verdicts import MS, T0, gateway_verdict, session_name, session_verdict
from tests.unit.test_ladder import moment

COLUMNS = {
    kind: {name: place for place, name in enumerate(schema.names)}
    for kind, schema in SCHEMAS.items()
}
RATE = COLUMNS[1]["rate_new_1s"]
HOSTS = tuple(f"10.0.1.{n}" for n in range(1, 6))
SITE = Site(
    gateways=(Gateway(ip="10.0.0.10", port=9878, asset="equity"),),
    firms=(
        Firm(
            name="alpha",
            subnet="10.0.1.0/29",
            hosts=HOSTS,
            sessions=tuple(
                SiteSession(host="10.0.1.1", comp_id=f"ALGO{n}") for n in range(12)
            ),
        ),
    ),
    protected=(
        Protected(network="10.0.0.0/24", why="gateways"),
        Protected(network="10.0.9.1", why="time", role="clock"),
        Protected(network="10.0.9.2", why="switches", role="control"),
        Protected(network="10.0.9.3", why="taps", role="mirror"),
        Protected(comp_id="ALGO5", why="risk"),
    ),
)

#: Kinds of which what waits for people counts as well.
HOSTS_ONLY = (TargetType.HOST, TargetType.SUBNET)

modes = st.sampled_from([Mode.ENFORCE, Mode.ENFORCE, Mode.SHADOW])
kills = st.builds(
    Rung,
    action=st.sampled_from(["cancel_orders", "disable_session"]),
    needs=st.just((Need.LOWER_FAILED,)),
    after_ms=st.sampled_from([500, 900]),
    presigned=st.booleans(),
)
isolations = st.builds(
    Rung,
    action=st.just("isolate_host"),
    needs=st.just((Need.ANSWERED,)),
    alone_when_closed=st.booleans(),
)
SUBNET = Rung(action="isolate_subnet", needs=(Need.ANSWERED, Need.SEVERAL_HOSTS))
whens = st.builds(
    When,
    asset=st.sampled_from(["equity", "future"]),
    phase=st.sampled_from([None, *Phase]),
    mode=st.sampled_from([None, Mode.SHADOW]),
    dwell_windows=st.sampled_from([None, 3]),
    ttl_ms=st.sampled_from([None, 400]),
    tier_max=st.sampled_from([None, 4]),
)
phases = st.lists(st.sampled_from(Phase), min_size=0, max_size=6)


def market(found: list[Phase]) -> Market:
    """Return minutes from T0 on, each in a phase."""
    edges = [moment(T0 + n * 60_000 * MS) for n in range(len(found) + 1)]
    intervals = zip(edges, edges[1:], found, strict=False)
    return Market(
        intervals=tuple(Interval(start=a, end=b, phase=c) for a, b, c in intervals)
    )


policies = st.builds(
    Policy,
    cause=st.builds(
        Causes,
        flood=st.builds(
            Contain,
            action=st.sampled_from(["drop_sources", "rate_limit_sources"]),
            mode=modes,
            ttl_ms=st.sampled_from([300, 60_000]),
            tier_max=st.just(2),
            when=st.lists(whens, max_size=1).map(tuple),
        ),
        algo_fault=st.builds(
            Contain,
            action=st.just("throttle_session"),
            mode=modes,
            p_value_max=st.sampled_from([1.0, 0.01]),
            ttl_ms=st.sampled_from([2_000, 60_000]),
            tier_max=st.just(5),
            rungs=st.lists(kills, min_size=1, max_size=2).map(tuple),
            when=st.lists(whens, max_size=2).map(tuple),
        ),
        compromise=st.builds(
            Contain,
            action=st.just("drop_sources"),
            mode=modes,
            dwell_windows=st.just(1),
            tier_max=st.just(7),
            rungs=isolations.map(lambda one: (one, SUBNET)),
        ),
    ),
    rules=st.sampled_from(
        [
            (),
            (
                Rule(
                    name="kill",
                    window="session",
                    feature="rate_new_1s",
                    limit=1000,
                    cause="algo_fault",
                    presigned_by=("risk", "trading"),
                ),
            ),
        ]
    ),
    budget=st.builds(
        Budget,
        sessions_max=st.integers(1, 4),
        sources_max=st.integers(1, 6),
        hosts_max=st.integers(1, 7),
        flow_share_max_percent=st.sampled_from([100, 30]),
        actions_max=st.sampled_from([2, 5, 100]),
    ),
    hysteresis=st.builds(
        Hysteresis, repeats_max=st.integers(1, 2), cooldown_ms=st.just(5000)
    ),
    market=phases.map(market),
)


class Ladder(RuleBasedStateMachine):
    """A judge that is shown one thing after another."""

    @initialize(policy=policies)
    def begin(self, policy: Policy) -> None:
        self.policy = policy
        self.now_ms = 0
        self.stream: list[Verdict] = []
        self.told: list[Decision] = []
        self.admitted: list[Decision] = []
        self.judge = Judge(policy, SITE, COLUMNS)
        weigh, admit = self.judge.guard.weigh, self.judge.guard.admit

        def weighed(decision: Decision, facts: Facts) -> Refused | None:
            grounds = grounds_of(msgspec.structs.asdict(facts))
            victims = self.judge.guard.victims(decision, grounds)
            refused = weigh(decision, facts)
            if refused is None:
                self.look(decision, facts, victims)
            return refused

        def counted(decision: Decision) -> bool:
            self.admitted.append(decision)
            return admit(decision)

        self.judge.guard.weigh = weighed
        self.judge.guard.admit = counted

    def look(self, decision: Decision, facts: Facts, victims: list[Facts]) -> None:
        """Hold what was accepted against every claim."""
        here = Incident(
            claim="",
            promise="",
            policy=self.policy,
            site=SITE,
            decision=decision,
            grounds=grounds_of(msgspec.structs.asdict(facts)),
            before=Before(),
            rule=1 if facts.is_presigned else 0,
        )
        leaves = self.judge.guard.leaves(facts)
        for each in victims:
            found = list(claims.broken(each, truth_of(here, each, leaves=leaves)))
            assert found == []

    def show(self, verdict: Verdict) -> None:
        """Show the judge one window, and hold what it orders against the whole."""
        self.stream.append(verdict)
        for decision in self.judge.judge(verdict):
            self.told.append(decision)
            if decision.action in PASSIVE:
                continue
            event(f"{decision.action} {decision.mode}")
            assert (decision.mode is not Mode.PROPOSE) or decision.approvals_needed >= 2
            assert (decision.mode is not Mode.ENFORCE) or not decision.approvals_needed
            assert decision.t_ns == verdict.close_ns < decision.until_ns
            self.within_budget(verdict.close_ns)

    def ends_ns(self, decision: Decision) -> int:
        """Return until when a Decision counts: a proposal, while it waits."""
        if not decision.approvals_needed:
            return decision.until_ns
        return min(decision.until_ns, decision.t_ns + PROPOSAL_NS)

    def within_budget(self, now_ns: int) -> None:
        """Count what stands by history alone."""
        budget = self.policy.budget
        most = {
            TargetType.SESSION: budget.sessions_max,
            TargetType.SOURCE: budget.sources_max,
            TargetType.GATEWAY: budget.gateways_max,
            TargetType.HOST: budget.hosts_max,
            TargetType.SUBNET: budget.hosts_max,
        }
        for kind, limit in most.items():
            standing = {
                target
                for one in self.admitted
                if self.ends_ns(one) > now_ns and one.target_type is kind
                if not one.approvals_needed or kind in HOSTS_ONLY
                for target in (
                    one.target if kind is TargetType.SOURCE else one.target[:1]
                )
            }
            assert len(standing) <= limit

    @rule(
        n=st.integers(0, 6),
        count=st.integers(1, 14),
        rate=st.sampled_from([None, 10, 5000]),
        p_value=st.sampled_from([0, 500_000]),
    )
    def algorithm(self, n: int, count: int, rate: int | None, p_value: int) -> None:
        row = tuple(rate if place == RATE else None for place in range(len(COLUMNS[1])))
        for _ in range(count):
            self.now_ms += 100
            self.show(
                session_verdict(
                    self.now_ms,
                    n,
                    session=session_name(n),
                    features=row,
                    p_value_ppm=p_value,
                )
            )

    @rule(
        sources=st.lists(
            st.sampled_from(
                ["198.51.100.1", "198.51.100.2", "10.0.1.1", "10.0.9.1", "224.0.1.129"]
            ),
            min_size=1,
            max_size=4,
            unique=True,
        ),
        fanout=st.sampled_from([1, 40]),
        count=st.integers(1, 4),
    )
    def flood(self, sources: list[str], fanout: int, count: int) -> None:
        for _ in range(count):
            self.now_ms += 10
            self.show(
                gateway_verdict(
                    self.now_ms,
                    sources=tuple(sources),
                    fanout=max(fanout, len(sources)),
                    rule="hard",
                )
            )

    @rule(
        address=st.sampled_from([*HOSTS, "10.0.9.1", "192.0.2.9"]),
        met=st.booleans(),
        known=st.booleans(),
    )
    def compromise(self, address: str, met: bool, known: bool) -> None:
        self.now_ms += 10
        row = tuple(
            int(met) if name == "met" else 9 if name == "contested" else 0
            for name in HOST_SCHEMA.names
        )
        self.show(
            session_verdict(
                self.now_ms,
                window_kind=WINDOW_HOST,
                cause=Cause.COMPROMISE,
                session=None,
                address=address,
                rule="host.contested_compid",
                features=row,
                known=known,
            )
        )

    @rule(n=st.integers(0, 6), frames=st.sampled_from([10, 400]))
    def normal(self, n: int, frames: int) -> None:
        self.now_ms += 10
        self.show(
            session_verdict(
                self.now_ms,
                n,
                session=session_name(n),
                cause=Cause.NORMAL,
                frame_count=frames,
            )
        )

    @rule()
    def blind(self) -> None:
        self.now_ms += 10
        self.show(gateway_verdict(self.now_ms, cause=Cause.SENSOR_FAULT, rule="hard"))

    @rule(ms=st.sampled_from([300, 3_000, 61_000]))
    def wait(self, ms: int) -> None:
        self.now_ms += ms

    def teardown(self) -> None:
        """The same windows again: the same Decisions, and the same memory."""
        if not hasattr(self, "policy"):
            return
        again = Judge(self.policy, SITE, COLUMNS)
        told = [
            decision for verdict in self.stream for decision in again.judge(verdict)
        ]
        assert told == self.told
        assert again.state() == self.judge.state()
        shadow = _in_shadow(self.policy)
        there = Judge(shadow, SITE, COLUMNS)
        silent = [d for verdict in self.stream for d in there.judge(verdict)]
        assert [_bare(one) for one in silent] == [_bare(one) for one in self.told]


def _in_shadow(policy: Policy) -> Policy:
    """Return the policy with nothing enforced."""
    causes = {
        name: msgspec.structs.replace(
            getattr(policy.cause, name),
            mode=Mode.SHADOW,
            when=tuple(
                msgspec.structs.replace(each, mode=None)
                for each in getattr(policy.cause, name).when
            ),
        )
        for name in ("flood", "algo_fault", "compromise")
    }
    return msgspec.structs.replace(
        policy, cause=msgspec.structs.replace(policy.cause, **causes)
    )


def _bare(decision: Decision) -> Decision:
    return msgspec.structs.replace(decision, mode=Mode.SHADOW, id="")


TestLadder = Ladder.TestCase
TestLadder.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
