"""Rules of floods: each fires on its row, and none on what its excuse describes."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.config import load
from airnet.decide import Judge
from airnet.decide.policy import Contain, Policy
from airnet.domain.columns import FLOOD_SCHEMA
from airnet.domain.columns_host import HOST_SCHEMA
from airnet.domain.session import Look, SessionName
from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW_GATEWAY
from airnet.score.rule import Rule, fired
from airnet.score.rules import EXCUSES, GATEWAY_RULES, RULES
from airnet.score.rules_contest import CONTEST_TOLD_RULES
from airnet.score.rules_flood_clients import CLIENT_LATE_RULES, CLIENT_TOLD_RULES
from airnet.score.rules_flood_odd import ODD_LATE_RULES, ODD_TOLD_RULES
from airnet.score.rules_flood_told import (
    GATEWAY_TOLD_RULES,
    HOST_FLOOD_RULES,
    HOST_TOLD_RULES,
)
from airnet.score.rules_storm import STORM_RULES
from airnet.score.rules_stranger import STRANGER_TOLD_RULES
from airnet.score.screening import gateway_bounds
from airnet.shipped import policy_path
from tests.fakes.verdicts import SITE, T0, gateway_verdict, session_name
from tests.property.test_window import closed
from tests.property.test_window_strike import NO_MESSAGES, flood

COLUMN = {name: place for place, name in enumerate(FLOOD_SCHEMA.names)}
AT_ONCE = tuple(rule for rule in GATEWAY_RULES if rule.name.endswith("_at_once"))


def row_of(rule: Rule) -> NDArray[np.float32]:
    """Return a row that breaks the rule, as barely as may be."""
    row = np.zeros((1, 64), np.float32)
    row[0, COLUMN[rule.feature]] = (rule.limit + 1) * rule.divisor
    for name, least, _ in rule.needs:
        row[0, COLUMN[name]] = max(least, row[0, COLUMN[name]])
    return row


def test_policy_names_rules_that_exist_and_no_others_are_meant_for_it() -> None:
    named = load(policy_path(), Policy).cause.flood.at_once

    assert set(named) == {rule.name for rule in AT_ONCE}
    assert named == Policy().cause.flood.at_once


def test_names_are_one_rule_each() -> None:
    names = [rule.name for rules in RULES.values() for rule in rules]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "rule",
    [rule for rule in RULES[WINDOW_GATEWAY] if rule.cause is Cause.FLOOD],
    ids=lambda rule: rule.name,
)
def test_a_rule_fires_above_its_limit_and_not_on_it(rule: Rule) -> None:
    row = row_of(rule)
    assert list(fired((rule,), COLUMN, row)) == [0]

    row[0, COLUMN[rule.feature]] = rule.limit * rule.divisor
    assert not fired((rule,), COLUMN, row)


@pytest.mark.parametrize("rule", AT_ONCE, ids=lambda rule: rule.name)
@pytest.mark.parametrize(
    "excuse",
    [
        {"known_share": 300},  # who trades comes back
        {"known": 2},  # nobody knows yet that this is a gateway
        {"history_ms": 900},  # the capture begins
        {"over_baseline": 15_000},  # it is like this here
        {"packets": 9},
    ],
    ids=lambda excuse: next(iter(excuse)),
)
def test_one_window_is_never_enough_for_what_has_an_excuse(
    rule: Rule, excuse: dict[str, int]
) -> None:
    row = row_of(rule)
    for name, value in excuse.items():
        row[0, COLUMN[name]] = value

    assert not fired((rule,), COLUMN, row)


@pytest.mark.parametrize(
    ("sources", "count", "is_flood"),
    [(16, 15, False), (16, 40, True), (1, 24, False), (1, 40, True)],
)
def test_two_dozen_new_programs_in_one_moment_are_not_judged_in_one_window(
    sources: int, count: int, *, is_flood: bool
) -> None:
    """One handshake each, as a firm that starts: it takes 30 that nobody completes."""
    windows, rows = closed(flood([(0, 600_000, count)], sources), NO_MESSAGES, 64)
    gateway = rows[windows["kind"] == WINDOW_GATEWAY].copy()
    gateway[:, COLUMN["known"]] = 8
    gateway[:, COLUMN["history_ms"]] = 60_000

    assert len(gateway) >= 1
    assert bool(fired(AT_ONCE, COLUMN, gateway)) == is_flood


@pytest.mark.parametrize(
    ("sources", "count", "is_told"),
    [(1, 10, False), (1, 12, False), (2, 12, True), (1, 24, True)],
)
def test_a_dozen_checks_of_one_balancer_are_not_told(
    sources: int, count: int, *, is_told: bool
) -> None:
    """0.12 ms apart, each open until it is given up a moment later."""
    windows, rows = closed(flood([(0, 120_000, count)], sources), NO_MESSAGES, 64)
    gateway = rows[windows["kind"] == WINDOW_GATEWAY].copy()
    gateway[:, COLUMN["known"]] = 8
    gateway[:, COLUMN["history_ms"]] = 60_000

    assert len(gateway) >= 1
    assert bool(fired(GATEWAY_TOLD_RULES, COLUMN, gateway)) == is_told


@pytest.mark.parametrize(
    ("name", "changes", "is_flood"),
    [
        ("connections_without_logon", {"packets": 60}, False),  # all within a tick
        ("connections_without_logon", {"span_us": 3000}, False),  # a volley
        ("connections_without_logon", {"syn_rate": 0}, False),  # it hangs up
        ("volleys_without_logon", {"packets": 60, "span_us": 3000}, True),
        ("volleys_without_logon", {"rate_1s": 300}, False),  # a dozen, five a second
    ],
)
def test_a_monitor_that_asks_a_dozen_times_and_hangs_up_is_no_flood(
    name: str, changes: dict[str, int], *, is_flood: bool
) -> None:
    rule = named(name)
    row = row_of(rule)
    assert fired((rule,), COLUMN, row)

    for feature, value in changes.items():
        row[0, COLUMN[feature]] = value
    assert bool(fired((rule,), COLUMN, row)) == is_flood


@pytest.mark.parametrize(
    "changes",
    [
        {"half_open": 9},  # some wait yet
        {"syn_rate": 400},  # more come
        {"logons_10s": 200},  # and do not stop
        {"rate_1s": 90},
        {"udp_rate": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_floor_that_gets_through_at_once_is_excused(changes: dict[str, int]) -> None:
    (rule,) = (one for one in EXCUSES if one.name == "gateway.getting_through")
    row = row_of(rule)
    assert fired((rule,), COLUMN, row)

    for feature, value in changes.items():
        row[0, COLUMN[feature]] = value
    assert not fired((rule,), COLUMN, row)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("given_up", {"half_open": 1}),  # one waits yet
        ("given_up", {"syn_rate": 20}),  # it goes on
        ("given_up", {"packets": 30}),
        ("given_up", {"sources": 4}),
        ("given_up", {"rate_1s": 200}),  # segments of no connection
        ("given_up", {"refused_rate": 20}),
        ("volleys", {"pulses": 1000}),  # it has just begun
        ("volleys", {"rate_1s": 400}),
        ("volleys", {"sources": 3}),
        ("volleys", {"half_open": 9}),
        ("volleys", {"unspoken": 40}),  # they stay
        ("volleys", {"reply_share": 100}),  # nobody answers
    ],
)
def test_a_volley_that_is_over_is_excused(name: str, changes: dict[str, int]) -> None:
    (rule,) = (one for one in EXCUSES if one.name == f"gateway.{name}")
    row = row_of(rule)
    assert fired((rule,), COLUMN, row)

    for feature, value in changes.items():
        row[0, COLUMN[feature]] = value
    assert not fired((rule,), COLUMN, row)


@pytest.mark.parametrize(("gap_ms", "is_flood"), [(10, True), (50, False)])
def test_handshakes_that_add_up_are_a_flood_if_they_do_not_stop(
    gap_ms: int, is_flood: bool
) -> None:
    """A hundred a second from few, never completed; twenty is a firm that retries."""
    spells = [(0, gap_ms * 1_000_000, 200)]
    windows, rows = closed(flood(spells, 3), NO_MESSAGES, 64)
    gateway = rows[windows["kind"] == WINDOW_GATEWAY].copy()
    for name, value in (("known", 8), ("session_rate", 90), ("over_baseline", 9000)):
        gateway[:, COLUMN[name]] = value
    found = fired((named("half_open_adding_up"),), COLUMN, gateway)

    assert gateway[-1, COLUMN["half_open"]] > 150
    assert bool(found) == is_flood
    assert all(gateway[place, COLUMN["half_open"]] > 95 for place in found)


@pytest.mark.parametrize(
    "excuse",
    [
        {"known_share": 100},  # one of them has been let in
        {"fresh_share": 900},  # nobody of them has been here before
        {"unspoken": 12},  # they wait for their answer yet
        {"empty_share": 500},  # a backup passes by as everybody logs on
        {"reply_share": 100},  # so does a feed
        {"session_rate": 0},  # nobody trades here
    ],
    ids=lambda excuse: next(iter(excuse)),
)
def test_who_logs_on_for_the_first_time_is_not_refused(excuse: dict[str, int]) -> None:
    rule = named("refused_logons_per_second")
    row = row_of(rule)
    assert fired((rule,), COLUMN, row)

    for name, value in excuse.items():
        row[0, COLUMN[name]] = value
    assert not fired((rule,), COLUMN, row)


def named(name: str) -> Rule:
    """Return the rule of this name."""
    every = (*GATEWAY_RULES, *ODD_LATE_RULES, *GATEWAY_TOLD_RULES, *ODD_TOLD_RULES)
    every += (*CLIENT_LATE_RULES, *CLIENT_TOLD_RULES)
    return next(rule for rule in every if rule.name == f"gateway.{name}")


@pytest.mark.parametrize(
    ("name", "excuse"),
    [
        ("echoes_per_second", {"reply_share": 500}),  # it answers
        ("echoes_per_second", {"known": 2}),  # nobody knows what this is
        ("datagrams_of_many_per_second", {"fresh_share": 500}),  # they come again
        ("datagrams_of_many_per_second", {"packets_per_source": 5000}),  # a feed
        ("datagrams_of_many_per_second", {"known_share": 300}),  # of clients
        ("datagrams_of_many_per_second", {"reply_share": 900}),  # names are asked for
        ("fragments_per_second", {"udp_rate": 300}),  # they become whole
        ("fragments_per_second", {"known_share": 900}),  # a client's
        ("fragments_per_second", {"reply_share": 500}),
        ("fragmented_datagrams_per_second", {"over_baseline": 2000}),  # as ever
        ("fragmented_datagrams_per_second", {"history_ms": 900}),  # what is usual?
        ("unanswered_of_clients", {"rate_1s": 40}),  # each tries once a second
        ("unanswered_of_clients", {"streak_ms": 20}),  # a volley
        ("unanswered_of_clients", {"session_rate": 0}),  # the gateway is gone
        ("unanswered_of_clients", {"known": 200}),  # a floor four times as large
        ("unanswered_of_many_clients", {"half_open_share": 500}),  # they are let in
        ("several_unanswered_of_clients", {"streak_ms": 5}),
        ("several_unanswered_of_clients", {"packets_per_source": 1000}),  # one each
        ("unanswered_segments_per_second", {"reply_share": 400}),  # who hangs up
        ("unanswered_segments_per_second", {"known": 2}),  # seen one way, perhaps
        ("unanswered_segments_per_second", {"syn_rate": 50}),  # who connects
        ("unanswered_segments_per_second", {"completed_rate": 50}),  # and is let in
        ("unanswered_segments_per_second", {"over_baseline": 5000}),  # as ever
        ("unanswered_segments_per_second", {"history_ms": 900}),  # what is usual?
        ("unanswered_segments_of_clients", {"streak_ms": 20}),  # a volley
        ("unanswered_segments_of_clients", {"session_rate": 0}),  # the gateway is gone
        ("unanswered_segments_of_clients", {"packets_per_source": 1000}),  # one each
        ("several_unanswered_segments", {"streak_ms": 2}),
        ("several_unanswered_segments_of_clients", {"streak_ms": 5}),
        ("refused_segments_per_second", {"streak_ms": 10}),  # what was left over
        ("refused_segments_per_second", {"syn_rate": 300}),  # a port is not served
        ("refused_handshakes_per_second", {"streak_ms": 20}),  # a firm's programs
        ("refused_handshakes_per_second", {"busiest_port_share": 300}),  # inventory
        ("refused_handshakes_per_second", {"known_share": 900}),  # clients wait
        ("several_refused_segments", {"streak_ms": 2}),
        ("several_refused_segments", {"known_share": 300}),  # clients of before
        ("several_refused_segments", {"completed_rate": 50}),  # somebody connects
        ("handshakes_given_up_per_second", {"streak_ms": 20}),  # checks at one go
        ("handshakes_given_up_per_second", {"busiest_port_share": 300}),  # inventory
        ("handshakes_given_up_per_second", {"known_share": 900}),  # clients give up
        ("handshakes_given_up_per_second", {"half_open_share": 500}),  # or are let in
        ("several_handshakes_given_up", {"reset_rate": 300}),  # they wait yet
        ("several_handshakes_given_up", {"over_baseline": 8000}),  # monitors do so
        ("several_datagrams_of_strangers", {"baseline": 9}),  # a feed
        ("lasting_datagrams", {"rate_1s": 300}),
        ("lasting_datagrams", {"baseline": 9}),  # a feed that has been there
        ("lasting_datagrams", {"reply_share": 500}),  # a resolver
        ("lasting_datagrams", {"known_share": 300}),
        ("several_datagrams_of_strangers", {"known_share": 300}),
        ("half_open_left_by_strangers", {"completed_rate": 10}),
        ("half_open_left_by_strangers", {"span_us": 9000}),  # they are on their way
        ("half_open_left_by_strangers", {"syn_ack_rate": 0}),  # nobody answers
        ("several_new_strangers_giving_up", {"sources": 3}),  # monitors
        ("several_new_strangers_giving_up", {"over_baseline": 5000}),
        ("several_refused_handshakes", {"syn_rate": 300}),
        ("connections_of_clients_without_logon", {"logon_rate": 10}),
        ("connections_of_clients_without_logon", {"sources": 3}),  # many come back
        ("connections_of_clients_without_logon", {"session_rate": 0}),  # no venue
        ("connections_of_clients_at_length", {"logon_rate": 10}),  # they are let in
        ("connections_of_clients_at_length", {"sources": 5}),  # a floor comes back
        ("connections_of_clients_at_length", {"streak_ms": 199}),  # a program's checks
        ("connections_of_clients_at_length", {"half_open_share": 701}),  # they wait
        ("connections_of_clients_at_length", {"session_rate": 0}),  # no venue
        ("odd_segments_of_clients", {"syn_rate": 590}),  # what was left over
        ("odd_segments_of_clients", {"reply_share": 300}),  # and is refused
        ("odd_segments_of_clients", {"sources": 5}),  # of all, after a gap
        ("odd_segments_of_clients", {"over_baseline": 9000}),  # as ever
        ("lasting_datagrams_of_clients", {"source_port_share": 900}),  # data
        ("lasting_datagrams_of_clients", {"reply_share": 500}),  # questions
        ("lasting_datagrams_of_clients", {"over_baseline": 9000}),  # as ever
        ("lasting_datagrams_of_clients", {"known_share": 300}),  # of strangers
        ("several_datagrams_of_clients", {"source_port_share": 900}),
        ("several_datagrams_of_clients", {"streak_ms": 5}),  # once
        ("lasting_logons_of_a_client", {"sources": 3}),  # a floor comes back
        ("lasting_logons_of_a_client", {"known": 40}),  # of more programs
        ("lasting_logons_of_a_client", {"rate_1s": 150}),  # they wait a second
        ("lasting_logons_of_a_client", {"logons_10s": 190}),  # it has just begun
        ("several_half_open_of_strangers", {"sources": 1}),  # a balancer's checks
        ("several_half_open_of_strangers", {"reset_rate": 400}),  # they are given up
        ("several_half_open_of_strangers", {"half_open_share": 800}),  # or completed
        ("many_half_open_of_strangers", {"half_open": 12}),  # a dozen checks
        ("many_half_open_of_strangers", {"history_ms": 900}),  # what is usual?
        ("half_open_as_it_begins", {"known": 2}),  # nobody knows what this is
        ("half_open_as_it_begins", {"known_share": 400}),  # clients come back
        ("several_logons_held", {"known_share": 300}),  # the gateway is slow for all
        ("several_logons_held", {"session_rate": 0}),  # or stands still
        ("several_logons_held", {"syn_ack_rate": 0}),  # the mirror shows one way
        ("several_logons_held", {"span_us": 9000}),  # its answer is on its way
        ("logons_held", {"unspoken": 32}),  # the programs of one firm
        ("logons_held", {"session_rate": 0}),
        ("logons_held", {"known_share": 300}),
        ("several_new_strangers_without_logon", {"fresh_share": 500}),  # as before
        ("several_new_strangers_without_logon", {"logon_rate": 10}),  # a firm starts
        ("several_new_strangers_without_logon", {"sources": 3}),  # monitors
        ("new_strangers_without_logon", {"rate_1s": 30}),  # it has just begun
        ("new_strangers_without_logon", {"over_baseline": 3000}),  # they often do
    ],
)
def test_what_is_sound_is_no_odd_flood(name: str, excuse: dict[str, int]) -> None:
    rule = named(name)
    row = row_of(rule)
    assert fired((rule,), COLUMN, row)

    for feature, value in excuse.items():
        row[0, COLUMN[feature]] = value
    assert not fired((rule,), COLUMN, row)


HOST_COLUMN = {name: place for place, name in enumerate(HOST_SCHEMA.names)}
HOST_RULES = (*HOST_FLOOD_RULES, *HOST_TOLD_RULES)


def test_what_is_told_of_floods_is_what_is_not_acted_upon() -> None:
    named = load(policy_path(), Policy).cause.flood.told
    every = (*GATEWAY_TOLD_RULES, *ODD_TOLD_RULES, *HOST_TOLD_RULES)
    every += (*STRANGER_TOLD_RULES, *CONTEST_TOLD_RULES, *STORM_RULES)
    every += CLIENT_TOLD_RULES
    told = {rule.name for rule in every}

    assert set(named) == told
    assert told <= set(Contain().told)
    assert not told & {rule.name for rule in (*GATEWAY_RULES, *HOST_FLOOD_RULES)}


def test_the_fast_lane_knows_no_rule_that_is_only_told() -> None:
    """It acts on any rule that it knows, once another has broken."""
    bounds, _ = gateway_bounds()

    assert len(bounds) == len(GATEWAY_RULES)
    told = {*GATEWAY_TOLD_RULES, *ODD_TOLD_RULES, *CLIENT_TOLD_RULES}
    assert not told & set(GATEWAY_RULES)


def refused(rule: Rule, **given: int) -> bool:
    """Return whether a rule of hosts fires where it barely does, but for `given`."""
    row = np.zeros((1, 64), np.float32)
    row[0, HOST_COLUMN[rule.feature]] = rule.limit + 1
    for name, least, _ in rule.needs:
        row[0, HOST_COLUMN[name]] = max(least, row[0, HOST_COLUMN[name]])
    for name, value in given.items():
        row[0, HOST_COLUMN[name]] = value
    return bool(fired((rule,), HOST_COLUMN, row))


@pytest.mark.parametrize("rule", HOST_RULES, ids=lambda rule: rule.name)
def test_logons_of_who_was_let_in_or_waits_are_no_flood(rule: Rule) -> None:
    assert refused(rule)
    assert not refused(rule, lawful=1)
    assert not refused(rule, met=0)  # its address may be forged
    assert not refused(rule, venue_sessions=0)  # nobody knows what this is
    assert not refused(rule, logons_refused=rule.limit)


@pytest.mark.parametrize(
    "rule",
    [one for one in HOST_RULES if "logon_gap_ms" in {name for name, *_ in one.needs}],
    ids=lambda rule: rule.name,
)
def test_logons_of_who_waits_for_answers_are_no_flood(rule: Rule) -> None:
    assert not refused(rule, logon_gap_ms=100)


@pytest.mark.parametrize("excuse", [{"comps": 4}, {"refused_hosts": 9}])
def test_one_name_refused_without_a_pause_is_told(excuse: dict[str, int]) -> None:
    rule = next(one for one in HOST_TOLD_RULES if one.name.endswith("of_one_name"))

    assert refused(rule)
    assert not refused(rule, logon_gap_ms=57)  # who waits for an answer
    assert not refused(rule, **excuse)


def test_first_logons_of_many_are_told_of_a_few_of_them() -> None:
    rule = next(one for one in HOST_RULES if one.name.startswith("host.first"))

    assert [n for n in range(1, 30) if refused(rule, refused_hosts=n, logons=1)] == [
        *(10, 11, 12, 13)
    ]
    assert not refused(rule, refused_hosts=11, logons=5)


@pytest.mark.parametrize("hosts", [1, 2, 3, 6])
def test_a_floor_that_the_venue_does_not_know_yet_is_not_contained(hosts: int) -> None:
    """Twenty-four programs, in one moment and again: told, and left alone."""
    each = {"comps": 24 // hosts + 2, "logons_refused": 96, "refused_hosts": hosts}
    seen = each | {"logons": 96, "logon_gap_ms": 5, "venue_sessions": 20, "met": 1}
    row = np.zeros((1, 64), np.float32)
    for name, value in seen.items():
        row[0, HOST_COLUMN[name]] = value

    assert not fired(HOST_FLOOD_RULES, HOST_COLUMN, row)
    assert fired(HOST_TOLD_RULES, HOST_COLUMN, row)


@pytest.mark.parametrize(
    ("changes", "actions"),
    [
        ({}, []),  # where they always came, more of them come
        ({"baseline": 3}, ["evidence"]),
        ({"reflector_share": 900}, ["evidence"]),
        ({"known_share": 800}, ["evidence"]),
    ],
    ids=["usual", "new", "reflected", "of a client"],
)
def test_datagrams_that_always_came_are_no_flood_when_they_are_more(
    changes: dict[str, int], actions: list[str]
) -> None:
    features = {"baseline": 9, "udp_rate": 1900, "busiest_port_share": 1000} | changes
    assert actions_on_datagrams(features) == actions


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({}, "rate_limit_sources"),
        ({"busiest_port_share": 200}, "rate_limit_sources"),  # of no service at all
        ({"busiest_port_share": 500}, "evidence"),
        ({"known_share": 200}, "evidence"),
        ({"baseline": 9}, "evidence"),
    ],
    ids=["at orders", "anywhere", "at some", "of clients", "usual"],
)
def test_datagrams_of_nobody_named_are_limited_where_none_belong(
    changes: dict[str, int], action: str
) -> None:
    """To the port of orders, or to ports at random; of the next port they are data."""
    features = {"baseline": 3, "udp_rate": 1900, "busiest_port_share": 1000} | changes
    at = msgspec.structs.replace(session_name(1), gateway_port=9878)
    beside = msgspec.structs.replace(session_name(1), gateway_port=9879)

    assert actions_on_datagrams(features, at, fanout=3) == [action]
    is_anywhere = features["busiest_port_share"] == 200
    other = action if is_anywhere else "evidence"
    assert actions_on_datagrams(features, beside, fanout=3) == [other]


def actions_on_datagrams(
    features: dict[str, int], session: SessionName | None = None, fanout: int = 1
) -> list[str]:
    """Return what is ordered of two windows of datagrams that name no source."""
    verdicts = [
        gateway_verdict(
            at_ms,
            sources=(),
            fanout=fanout,
            rule="gateway.datagrams_per_second",
            measured=1900,
            limit=1500,
            features=tuple(features.get(name, 0) for name in FLOOD_SCHEMA.names),
        )
        for at_ms in (10, 20)
    ]
    judge = Judge(Policy(), SITE, {WINDOW_GATEWAY: COLUMN})
    if session is not None:
        judge.meet(Look(T0, session, 1, 9, is_answered=True, is_normal=True))
    made = [decision for one in verdicts for decision in judge.judge(one)]
    return [one.action.value for one in made]
