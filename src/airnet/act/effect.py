"""Effect: what the mirror proves about a containment. Pure."""

import enum

import msgspec

from airnet.domain.containment import Containment, State

NS_PER_MS = 1_000_000


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """When an effect counts as seen on the mirror.

    Bad frames may pass for `deadline_ms` after the command left; then, `quiet_ms`
    without one proves the effect, and one more disproves it.
    """

    deadline_ms: int = 1000
    quiet_ms: int = 300
    #: A limit lets some pass. Where nothing has for so long, of what ran until the
    #: command, it is a drop, or needed no more.
    starved_ms: int = 3000


class Seen(enum.Enum):
    """What a look at the mirror proves."""

    NOTHING = "nothing"
    WORKS = "works"
    FAILS = "fails"


def seen(
    effect: Effect, containment: Containment, last_bad_ns: int, now_ns: int
) -> Seen:
    """Return what the last bad frame and the quiet since it prove."""
    deadline_ns = containment.command_ns + effect.deadline_ms * NS_PER_MS
    quiet_ns = effect.quiet_ms * NS_PER_MS
    has_end = containment.until_ns > 0
    is_over = has_end and last_bad_ns >= containment.until_ns - quiet_ns
    if last_bad_ns > deadline_ns and not is_over:
        return Seen.FAILS
    is_quiet = now_ns - max(last_bad_ns, containment.applied_ns) >= quiet_ns
    is_new = containment.state is State.APPLIED
    if is_new and is_quiet and last_bad_ns <= deadline_ns:
        return Seen.WORKS
    return Seen.NOTHING


def starved(
    effect: Effect, containment: Containment, last_bad_ns: int, now_ns: int
) -> str:
    """Return why a limit is to be taken back that lets nothing pass, or nothing.

    A switch that made a drop of it may say of its tables what it likes.
    """
    ran = last_bad_ns >= containment.command_ns - effect.deadline_ms * NS_PER_MS
    silent_ns = now_ns - max(last_bad_ns, containment.applied_ns)
    if not ran or silent_ns < effect.starved_ms * NS_PER_MS:
        return ""
    return f"nothing passes the limit for {effect.starved_ms} ms: it drops, or is idle"


def verified(containment: Containment, last_bad_ns: int) -> Containment:
    """Return a containment whose effect was seen, and how soon."""
    lag_us = (last_bad_ns - containment.command_ns) // 1000
    told = f"{lag_us} us after the command" if lag_us > 0 else "before it"
    detail = f"last bad frame on the mirror {told}"
    return msgspec.structs.replace(containment, state=State.VERIFIED, detail=detail)


def late_words(effect: Effect, containment: Containment, last_bad_ns: int) -> str:
    """Return why a containment counts as without effect."""
    late_ms = (last_bad_ns - containment.command_ns) // NS_PER_MS
    return (
        f"bad frames {late_ms} ms after the command, deadline {effect.deadline_ms} ms"
    )
