"""Model: one step of the guardrails with unknowns for numbers, for z3.

Everything that restricts an unknown comes from the code that decides: the rules, the
limits of the policy, the protected ranges are asked, not written down again. The step
is taken from any state that the invariants allow, so that what holds of it holds of
every sequence: `standing` within the limits, `recent` within the pace.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import z3

from airnet.config import Site
from airnet.decide import guardrails, ladder, limits, rules
from airnet.decide.aims import AIMS
from airnet.decide.facts import ACTIONS, ASSETS, CAUSES, TARGET_TYPES, Facts
from airnet.decide.market import PHASES, Hours, Phase
from airnet.decide.peers import Peers
from airnet.decide.policy import Policy
from airnet.decide.protection import number
from airnet.decide.rules import SESSION
from airnet.domain.decision import PASSIVE, Action
from airnet.domain.verdict import PPM, Cause
from airnet.prove import claims, places
from airnet.prove.claims import Claim, Truth

#: Fields that are 0 or 1, by what their names begin with.
FLAGS = ("is_", "has_", "may_", "needs_")
Row = tuple[Cause, Action, tuple[tuple[str, int], ...]]
ADDRESS_MAX = (1 << 128) - 1
#: Values that make a counterexample easy to read, where they are possible.
PLAIN: dict[str, int] = {
    "targets": 1,
    "approvals": 2,
    "standing": 0,
    "recent": 0,
    "repeats": 0,
    "left_ns": 0,
    "held_ns": 0,
    "is_latched": 0,
    "is_doubted": 0,
    "is_enforced": 1,
    "is_client": 0,
    "is_peer": 0,
    "is_hard": 0,
    "is_answered": 1,
    "has_dwelt": 1,
    "probability_ppm": 990_000,
    "p_value_ppm": 0,
    "session_count": 40,
    "flow_part": 0,
    "flow_whole": 0,
    "stood_ns": 0,
    "hosts_beside": 0,
    "has_path": 1,
    "path_age_ns": 0,
    "frozen_until_ns": 0,
    "t_ns": 1_795_420_800_000_000_000,
    "ttl_ns": 1_000_000_000,
    "phase": 0,
    "asset": 0,
}
#: TEST-NET-2 (RFC 5737): an address that is nobody's.
NOBODYS = 0xFFFF << 32 | 0xC6336409


class Model:
    """The step as formulas: `facts`, `truth`, what relates them, and a solver.

    Args:
        policy: to be proved.
        site: whom it is for; None proves it for every site, which names what it likes.
    """

    def __init__(self, policy: Policy, site: Site | None) -> None:
        self.policy, self.site = policy, site
        self.facts = SimpleNamespace(**{n: z3.Int(n) for n in Facts.__struct_fields__})
        self.truth = SimpleNamespace(**{n: z3.Int(n) for n in Truth.__struct_fields__})
        self.comp = z3.Int("comp")
        self.rule = z3.Int("rule")
        self.roles = {
            role: z3.Int(f"unnamed_{role}")
            for role in (claims.unnamed(policy, site) if site is not None else ())
        }
        self._constants(self.facts, limits.budgets_of(policy))
        for name, value in claims.budgets(policy).items():
            setattr(self.truth, name, z3.IntVal(value))
        self.solver = z3.SolverFor("QF_LIA")
        self.solver.add(*self._shapes(), *self._rows(), *self._state())
        self.solver.add(*self._target(), *self._signing())
        self.solver.add(self.truth.leaves == _bit(rules.may_leave(self.facts)))
        for rule in rules.RULES:
            self.solver.add(z3.Not(rule.breaks(self.facts)))

    def counterexample(self, claim: Claim) -> dict[str, int] | None:
        """Return values under which a claim breaks; None: it holds, always.

        Raises:
            AssertionError: the solver gave up, which linear arithmetic never needs.
        """
        self.solver.push()
        self.solver.add(claim.breaks(self.facts, self.truth))
        answer = self.solver.check()
        assert answer != z3.unknown, "linear integer arithmetic is decidable"
        found = None if answer == z3.unsat else self._plainly()
        self.solver.pop()
        return found

    def _plainly(self) -> dict[str, int]:
        """Return a model of what was added, in plain values where it can be."""
        wishes = [getattr(self.facts, name) == n for name, n in PLAIN.items()]
        wishes += [self.facts.first == NOBODYS, self.facts.first == self.facts.last]
        for wish in wishes:
            self.solver.push()
            self.solver.add(wish)
            if self.solver.check() == z3.sat:
                continue  # kept: popped with all others below
            self.solver.pop()
        assert self.solver.check() == z3.sat, "every wish that was kept can be had"
        values = self.solver.model()
        named = {**vars(self.facts), **vars(self.truth)}
        named |= {"comp": self.comp, "rule": self.rule}
        named |= {f"unnamed_{role}": at for role, at in self.roles.items()}
        while self.solver.num_scopes() > 1:
            self.solver.pop()
        return {
            name: values.eval(term, model_completion=True).as_long()
            for name, term in named.items()
        }

    def _constants(self, place: SimpleNamespace, values: msgspec.Struct) -> None:
        for name in values.__struct_fields__:
            setattr(place, name, z3.IntVal(getattr(values, name)))

    def _shapes(self) -> Iterator[Any]:
        """Yield what any number of each name can be."""
        f = self.facts
        for name in Facts.__struct_fields__:
            term = getattr(f, name)
            yield term >= 0 if name != "ttl_ns" else term >= -claims.DAY_NS
            if name.startswith(FLAGS):
                yield term <= 1
        for name in Truth.__struct_fields__:
            yield getattr(self.truth, name) >= 0
        yield f.tier <= 7
        yield f.approvals <= 8
        yield f.probability_ppm <= PPM
        yield f.p_value_ppm <= PPM
        yield z3.And(f.first <= f.last, f.last <= ADDRESS_MAX)
        yield z3.Or(*(f.target_type == n for n in range(len(TARGET_TYPES))))
        # An exact name is one of the action's own kind of target.
        aims = [
            z3.And(
                f.action == ACTIONS.index(action),
                f.target_type == TARGET_TYPES.index(kind),
            )
            for action, kind in AIMS.items()
        ]
        yield z3.Implies(f.is_named == 1, z3.Or(*aims))
        # Whom somebody is kept from is named by that action alone.
        confine = ACTIONS.index(Action.CONFINE_HOST)
        yield z3.Implies(f.is_peer == 1, f.action == confine)
        is_one = z3.And(f.is_named == 1, f.target_type != rules.SUBNET)
        yield z3.Implies(is_one, f.first == f.last)

    def _rows(self) -> Iterator[Any]:
        """Yield what policy says of each Cause, action, asset class and phase."""
        f, t = self.facts, self.truth
        rows: dict[Row, list[Any]] = {}
        for cause, action, asset, phase in self._cases():
            found = limits.limits_of(self.policy, cause, action, asset, phase)
            told = claims.said(self.policy, cause, action, asset, phase)
            values = {n: getattr(found, n) for n in found.__struct_fields__}
            values["tier_of_action"] = int(ladder.TIERS[action])
            key = (cause, action, (*values.items(), *told.items()))
            here = z3.And(
                f.asset == ASSETS.index(asset), f.phase == PHASES.index(phase)
            )
            rows.setdefault(key, []).append(here)
        options = []
        for (cause, action, equals), wheres in rows.items():
            equal = [f.cause == CAUSES.index(cause), f.action == ACTIONS.index(action)]
            for name, value in equals:
                place = f if hasattr(f, name) else t
                equal.append(getattr(place, name) == value)
            options.append(z3.And(*equal, z3.Or(*wheres)))
        yield z3.Or(*options)

    def _cases(self) -> Iterator[tuple[Cause, Action, str, Phase]]:
        assets = {"", *(g.asset for g in (self.site or Site()).gateways)}
        for cause in CAUSES:
            rule = self.policy.contain(cause)
            assets |= {each.asset for each in (rule.when if rule else ())}
        phases = Hours(self.policy.market.intervals).phases
        for cause in CAUSES:
            for action in ACTIONS:
                if action in PASSIVE:
                    continue
                for asset in sorted(assets):
                    for phase in phases:
                        yield cause, action, asset, phase

    def _state(self) -> Iterator[Any]:
        """Yield the invariants of what stands, which every accepted step keeps."""
        f, t = self.facts, self.truth
        yield f.recent <= t.said_actions
        yield f.flow_part <= f.flow_whole
        most = [t.said_sessions, t.said_sources, t.said_gateways, t.said_hosts]
        yield f.standing <= sum(most)
        yield f.standing + f.repeats <= 1 << 20

    def _target(self) -> Iterator[Any]:
        """Yield what addresses and CompIDs say of a target, both ways."""
        f, t = self.facts, self.truth
        if self.site is None:
            # Any site: what it names is what the guardrails are told.
            yield f.is_guarded == t.meets_protected
            yield f.is_vital == t.meets_vital
            yield f.is_host == t.is_own
            yield t.ways == f.has_path
            return
        yield t.ways == len(self.site.paths)
        guard = guardrails.Guard(self.policy, self.site, Peers(self.site))
        kept = guard.protection
        # A path of the site leads to the gateway that the site says.
        ends = [number(gateway) for gateway in guard.paths.values()]
        is_led = z3.And(f.has_path == 1, f.target_type == rules.PATH)
        yield z3.Implies(is_led, z3.Or(*(f.first == end for end in ends)))
        if not ends:
            yield f.has_path == 0
        met, truly = rules.touches, places.meets
        ranges = [each for each, _ in kept.guarded]
        named = {
            role: [
                *places.vital(self.site, role),
                *([(at, at)] if at is not None else []),
            ]
            for role in claims.ROLES
            for at in (self.roles.get(role),)
        }
        by_comp = z3.Bool("by_comp")
        truly_comp = z3.Bool("truly_comp")
        known = places.comps(self.site)
        is_kept = kept.comp_ids
        yield z3.Or(
            z3.And(self.comp == len(known), z3.Not(by_comp), z3.Not(truly_comp)),
            *(
                z3.And(
                    self.comp == n,
                    by_comp == (comp in is_kept),
                    truly_comp == known[comp],
                )
                for n, comp in enumerate(known)
            ),
        )
        is_session = f.target_type == SESSION
        guarded = z3.Or(met(ranges, f.first, f.last), z3.And(is_session, by_comp))
        yield f.is_guarded == _bit(guarded)
        yield f.is_vital == _bit(met(kept.vital, f.first, f.last))
        yield f.is_host == _bit(met(kept.hosts, f.first, f.last))
        forbidden = truly(places.protected(self.site), f.first, f.last)
        yield t.meets_protected == _bit(
            z3.Or(forbidden, z3.And(is_session, truly_comp))
        )
        every = [place for places in named.values() for place in places]
        yield t.meets_vital == _bit(truly(every, f.first, f.last))
        yield t.is_own == _bit(truly(places.own(self.site), f.first, f.last))
        for at in self.roles.values():
            yield z3.And(at >= 0, at <= ADDRESS_MAX)
            yield z3.Not(truly(places.protected(self.site), at, at))

    def _signing(self) -> Iterator[Any]:
        """Yield who signed the limit that broke, if one of the policy's own did."""
        f, t = self.facts, self.truth
        yield z3.Or(
            z3.And(self.rule == 0, f.is_presigned == 0, t.people == 0),
            *(
                z3.And(
                    self.rule == n,
                    f.is_hard == 1,
                    f.is_presigned == int(rule.is_presigned),
                    t.people == claims.people(rule),
                )
                for n, rule in enumerate(self.policy.rules, 1)
            ),
        )


def _bit(condition: Any) -> Any:
    return z3.If(condition, z3.IntVal(1), z3.IntVal(0))
