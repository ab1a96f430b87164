"""Closed: what every part of a configuration file is, and how a value is refused."""

import re

import msgspec


def require(holds: object, what: str) -> None:
    """Refuse a value by a ValueError; `what` begins with its field in backquotes."""
    if not holds:
        raise ValueError(what)


def require_name(name: str) -> None:
    """Refuse what cannot be told from an address, by a ValueError."""
    fits = re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]{0,31}", name)
    require(fits, "`name` must be a letter, then letters, digits, `.`, `_` or `-`: 32")


def require_each_once(names: list[str]) -> None:
    """Refuse two paths of one name, by a ValueError."""
    twice = next((n for n, name in enumerate(names) if name in names[:n]), None)
    require(twice is None, f"`path[{twice}].name` must be no other path's")


class Closed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a configuration file: unknown keys and wrong types are refused."""
