"""Policy files as reviewers read them: field by field, and which way a change leans.

A change is *looser* when airnet then acts later, less often, less far or for a shorter
time, so that more of an incident passes; *bolder* when it acts sooner, more often,
further or longer, or within wider limits on itself, so that more of what is legitimate
may be hit. Neither is good or bad; neither may go unsaid.
"""

import enum
import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from airnet.config import Site, load
from airnet.decide.ladder import TIERS
from airnet.decide.policy import Policy
from airnet.decide.problems import problems
from airnet.domain.decision import PASSIVE, Action, Mode
from airnet.domain.verdict import CONTAINABLE
from airnet.errors import ConfigError, UnsupportedError
from airnet.toml import read_text


class Lean(enum.StrEnum):
    """Which way a change of a policy goes."""

    LOOSER = "looser"
    BOLDER = "bolder"
    OTHER = "other"


#: Field -> what more of it does: +1 acts more, -1 acts less; and what a reader is told.
MORE = {
    "few_sources_max": (1, "picks single sources out of larger floods"),
    "cause.*.probability_min": (-1, "must be surer"),
    "cause.*.p_value_max": (1, "takes what is less rare for a fault"),
    "cause.*.dwell_windows": (-1, "must see more bad windows in a row"),
    "cause.*.dwell_ms": (-1, "must see it for longer"),
    "cause.*.opinion_dwell_ms": (-1, "must hold an opinion for longer"),
    "cause.*.agreed_min": (-1, "asks models to be surer of what a limit says"),
    "cause.*.evidence_min": (-1, "must gather more evidence"),
    "cause.*.evidence_told": (-1, "must gather more evidence to say so"),
    "cause.*.evidence_toll": (-1, "lets a window add less"),
    "cause.*.evidence_span_ms": (-1, "lets a window count for less"),
    "cause.*.excess_min": (-1, "must see more above a session's own envelope"),
    "cause.*.excess_toll": (-1, "lets a message above it add less"),
    "cause.*.path_age_ms": (1, "takes an older answer for proof that a path is up"),
    "cause.*.ttl_ms": (1, "holds for longer"),
    "cause.*.tier_max": (1, "may reach further"),
    "rule.*.limit": (-1, "lets more pass before a breach"),
    "budget.window_ms": (-1, "counts actions over a longer time"),
    "budget.*": (1, "may do more at once: a guard is wider"),
    "hysteresis.gap_ms": (1, "lets a streak survive longer gaps"),
    "hysteresis.cooldown_ms": (-1, "leaves a target alone for longer"),
    "hysteresis.repeats_max": (1, "may repeat itself more often: a guard is wider"),
    "hysteresis.held_ms_max": (1, "may hold a target for longer by renewing it"),
    "hysteresis.veto_ms_max": (-1, "heeds an undo for longer"),
    "trust.loss_ppm_max": (1, "trusts a worse mirror: a guard is wider"),
    "trust.freeze_ms": (-1, "stays frozen for longer"),
}
#: The same, said of less.
LESS = {
    "few_sources_max": "picks single sources out of smaller floods only",
    "cause.*.probability_min": "acts when less sure",
    "cause.*.p_value_max": "must find it rarer",
    "cause.*.dwell_windows": "acts after fewer bad windows",
    "cause.*.dwell_ms": "acts after a shorter time",
    "cause.*.opinion_dwell_ms": "acts on a younger opinion",
    "cause.*.agreed_min": "asks models to be less sure of what a limit says",
    "cause.*.evidence_min": "acts on less evidence",
    "cause.*.evidence_told": "says so on less evidence",
    "cause.*.evidence_toll": "lets a window add more",
    "cause.*.evidence_span_ms": "lets a window count for more",
    "cause.*.excess_min": "acts on less above a session's own envelope",
    "cause.*.excess_toll": "lets a message above it add more",
    "cause.*.path_age_ms": "must have heard of a path more lately",
    "cause.*.ttl_ms": "lets go sooner",
    "cause.*.tier_max": "may reach less far",
    "rule.*.limit": "takes less for a breach",
    "budget.window_ms": "counts actions over a shorter time: a guard is wider",
    "budget.*": "may do less at once",
    "hysteresis.gap_ms": "a shorter gap breaks a streak",
    "hysteresis.cooldown_ms": "comes back to a target sooner",
    "hysteresis.repeats_max": "may repeat itself less often",
    "hysteresis.held_ms_max": "lets go of a target sooner, whatever goes on",
    "hysteresis.veto_ms_max": "does sooner again what a person has undone",
    "trust.loss_ppm_max": "distrusts a mirror sooner",
    "trust.freeze_ms": "stays frozen for a shorter time: a guard is wider",
}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a policy that differs. Values are as TOML has them; None: absent."""

    field: str
    before: Any
    after: Any
    lean: Lean
    why: str


def flat(policy: Policy) -> dict[str, Any]:
    """Return every field of a policy under its dotted name; rules under their own."""
    tree = msgspec.to_builtins(policy)
    tree["rule"] = {one.pop("name"): one for one in tree["rule"]}
    found: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, each in value.items():
                walk(f"{prefix}.{name}" if prefix else name, each)
        else:
            found[prefix] = list(value) if isinstance(value, tuple) else value

    walk("", tree)
    return found


def changes(before: Policy, after: Policy) -> list[Change]:
    """Return what differs between two policies, in the order of the file."""
    one, other = flat(before), flat(after)
    names = [*one, *(name for name in other if name not in one)]
    found = []
    for name in names:
        left, right = one.get(name), other.get(name)
        if left != right:
            lean, why = _leaning(name, left, right)
            found.append(
                Change(field=name, before=left, after=right, lean=lean, why=why)
            )
    return found


def _leaning(name: str, before: Any, after: Any) -> tuple[Lean, str]:
    last = name.rpartition(".")[2]
    if name.startswith("rule.") and (before is None or after is None):
        if before is None:
            return Lean.BOLDER, "a hard limit more"
        return Lean.LOOSER, "a hard limit less"
    if last == "mode":
        if after == Mode.ENFORCE:
            return Lean.BOLDER, "is carried out, no longer only written down"
        return Lean.LOOSER, "is only written down, no longer carried out"
    if last == "action":
        return _action_leaning(before, after)
    if last == "assets":
        return _assets_leaning(before, after)
    if last == "at_once":
        return _at_once_leaning(before, after)
    if last == "told":
        return _told_leaning(before, after)
    for pattern, (sign, why) in MORE.items():
        if fnmatchcase(name, pattern):
            grows = after > before
            lean = Lean.BOLDER if (sign > 0) == grows else Lean.LOOSER
            return lean, why if grows else LESS[pattern]
    return Lean.OTHER, ""


def _action_leaning(before: str, after: str) -> tuple[Lean, str]:
    order = list(Action)
    one, other = Action(before), Action(after)
    ranks = [(TIERS[each], order.index(each)) for each in (one, other)]
    if ranks[1] > ranks[0]:
        return Lean.BOLDER, "reaches further"
    return Lean.LOOSER, "does less"


def _at_once_leaning(before: list[str], after: list[str]) -> tuple[Lean, str]:
    if set(after) - set(before):
        return Lean.BOLDER, "acts upon one window of more rules"
    return Lean.LOOSER, "acts upon one window of fewer rules"


def _told_leaning(before: list[str], after: list[str]) -> tuple[Lean, str]:
    if set(before) - set(after):
        return Lean.BOLDER, "acts upon limits that were only said"
    return Lean.LOOSER, "only says what was acted upon"


def _assets_leaning(before: list[str], after: list[str]) -> tuple[Lean, str]:
    if not after or (before and set(before) < set(after)):
        return Lean.BOLDER, "is enforced on more assets"
    if not before or set(after) < set(before):
        return Lean.LOOSER, "is enforced on fewer assets"
    return Lean.OTHER, "is enforced on other assets"


def as_enforced(policy: Policy, other: Policy | None = None) -> Policy:
    """Return a policy with what is in shadow enforced, to see what it would do.

    Only what is in shadow in `other`, too: where one of two policies enforces a cause
    and the other does not, that is a difference between them and stays.
    """
    causes = {}
    for cause in sorted(CONTAINABLE):
        mine = policy.contain(cause)
        theirs = (other or policy).contain(cause)
        assert mine is not None, "every containable cause has its rule"
        assert theirs is not None, "every containable cause has its rule"
        if mine.mode is Mode.SHADOW and theirs.mode is Mode.SHADOW:
            causes[cause.value] = msgspec.structs.replace(
                mine, mode=Mode.ENFORCE, assets=()
            )
    replaced = msgspec.structs.replace(policy.cause, **causes)
    return msgspec.structs.replace(policy, cause=replaced)


def contains_something(policy: Policy) -> bool:
    """Return whether any cause of a policy changes anything outside airnet."""
    rules = [policy.contain(cause) for cause in sorted(CONTAINABLE)]
    return any(
        rule is not None
        and rule.mode is Mode.ENFORCE
        and Action(rule.action) not in PASSIVE
        for rule in rules
    )


def replaced(policy: Policy, values: Mapping[str, Any]) -> Policy:
    """Return a policy with fields, by dotted name, set to other values.

    Raises:
        msgspec.ValidationError: a value is none that the policy may have.
    """
    tree = msgspec.to_builtins(policy)
    for name, value in values.items():
        *parents, last = name.split(".")
        place = tree
        for parent in parents:
            place = place[parent]
        place[last] = value
    return msgspec.convert(tree, Policy, strict=True)


def save(path: Path, policy: Policy, basis: Path | None) -> bool:
    """Write a policy file; return whether the comments of `basis` were kept.

    The lines of `basis` are kept but for what differs; where that does not give the
    same policy (tables written inline, rules), the file is written anew. It is read
    back by the product's own loader before it takes its name.

    Raises:
        ConfigError: `basis` cannot be read, or the policy cannot be meant.
        UnsupportedError: the file cannot be written.
    """
    odd = problems(policy, Site())
    known = problems(load(basis, Policy), Site()) if basis else []
    new = [problem for problem in odd if problem not in known]
    if new:
        raise ConfigError(f"the policy for {path}: {new[0]}", "choose other values")
    draft = path.with_name(f".{path.name}.part")
    candidates = []
    if basis:
        values = {one.field: one.after for one in changes(load(basis, Policy), policy)}
        candidates.append(edited(read_text(basis), values))
    candidates.append(written(policy))
    try:
        for number, text in enumerate(candidates):
            draft.write_text(text, encoding="utf-8")
            if _reads_as(draft, policy):
                draft.replace(path)
                return bool(basis) and number == 0
    except OSError as error:
        raise UnsupportedError(
            f"{path}: cannot be written: {error.strerror}", "give it another --output"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    raise AssertionError("a policy that is written anew reads as itself")


def _reads_as(path: Path, policy: Policy) -> bool:
    try:
        return load(path, Policy) == policy
    except ConfigError:
        return False


#: `key = value  # comment`, with a value on one line. Source: TOML 1.0, "Key/Value
#: Pair", "String", "Comment".
LINE = re.compile(
    r"""(?P<head>\s*(?P<key>[\w-]+)\s*=\s*)
    (?P<value>(?:"(?:\\.|[^"\\])*"|'[^']*'|[^#"'])*?)
    (?P<pad>\s*)(?P<comment>\#.*)?$""",
    re.VERBOSE,
)
HEADER = re.compile(r"\s*\[(?P<table>[\w.-]+)\]\s*(?:#.*)?$")


def edited(text: str, values: Mapping[str, Any]) -> str:
    """Return a policy file's text with fields set; all else, comments too, stays."""
    rest = {name: _toml(value) for name, value in values.items()}
    lines = text.splitlines()
    table, last = "", {"": -1}
    for number, line in enumerate(lines):
        header, pair = HEADER.match(line), LINE.match(line)
        if header:
            table = header["table"]
        elif line.lstrip().startswith("["):
            table = "["  # an array of tables, whose fields have no name of their own
        elif pair and not line.lstrip().startswith("#"):
            name = f"{table}.{pair['key']}" if table else pair["key"]
            if name in rest:
                lines[number] = _replaced_line(pair, rest.pop(name))
        if line.strip() and not line.lstrip().startswith("#"):
            last[table] = number
    for name, value in sorted(rest.items(), key=lambda one: one[0], reverse=True):
        table, _, key = name.rpartition(".")
        if table in last:
            lines.insert(last[table] + 1, f"{key} = {value}")
            last = {n: at + (at > last[table]) for n, at in last.items()}
        else:
            last[table] = len(lines) + 2
            lines += ["", f"[{table}]", f"{key} = {value}"]
    return "\n".join(lines) + "\n"


def _replaced_line(pair: re.Match[str], value: str) -> str:
    comment = pair["comment"] or ""
    if not comment:
        return pair["head"] + value
    pad = max(1, len(pair["pad"]) + len(pair["value"]) - len(value))
    return pair["head"] + value + " " * pad + comment


def _toml(value: Any) -> str:
    """Return a value as TOML; JSON's strings and numbers are TOML's.

    A table within a value is written inline. Source: TOML 1.0, "Inline Table".
    """
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(each) for each in value)}]"
    if isinstance(value, dict):
        pairs = ", ".join(
            f"{name} = {_toml(each)}"
            for name, each in value.items()
            if each is not None
        )
        return f"{{{pairs}}}"
    return json.dumps(value, ensure_ascii=False)


def written(policy: Policy) -> str:
    """Return a policy file's text, every field stated, without comments."""
    tree = msgspec.to_builtins(policy)
    causes, rules = tree.pop("cause"), tree.pop("rule")
    scalars = {name: one for name, one in tree.items() if not isinstance(one, dict)}
    tables = {f"cause.{name}": one for name, one in causes.items()}
    tables |= {name: one for name, one in tree.items() if isinstance(one, dict)}
    parts = [_pairs(scalars)]
    parts += [f"[{name}]\n{_pairs(one)}" for name, one in tables.items()]
    parts += [f"[[rule]]\n{_pairs(one)}" for one in rules]
    return "\n".join(parts)


def _pairs(values: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {_toml(value)}\n" for name, value in values.items())
