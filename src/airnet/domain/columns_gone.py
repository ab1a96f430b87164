"""Columns that gave way to others, by the words that days kept before know them by.

A row has room for 64. Where a rule needs another column, one that nobody reads makes
room for it, in its place; a day that was kept before did not see the new one.
"""

import msgspec

from airnet.domain.column import features
from airnet.domain.columns import VENUE_SCHEMA
from airnet.domain.window import WINDOW_VENUE, FeatureSchema

#: Of venues (ADR 0094): what stands there now, and what stood there. They all were
#: missing where there was no answer to see.
_VENUE = {
    "sessions_cut": ("logon_worst_us", "us", "longest of them"),
    "cut_share": ("handshake_mean_us", "us", "mean of those in this window"),
    "cut_hosts": ("handshake_worst_us", "us", "longest of them"),
    "sessions_unheard": (
        "tcp_ack_last_us",
        "us",
        "last data from a client to the next frame down",
    ),
    "tcp_ack_mean_us": ("tcp_ack_mean_us", "us", "mean of those in this window"),
    "unheard_hosts": ("tcp_ack_worst_us", "us", "longest of them"),
}


def _before(
    schema: FeatureSchema, gone: dict[str, tuple[str, str, str]]
) -> FeatureSchema:
    """Return a schema with what stood there before."""
    stood = dict(
        zip(
            gone,
            features(tuple(gone.values()), frozenset(old for old, *_ in gone.values())),
            strict=True,
        )
    )
    return msgspec.structs.replace(
        schema,
        features=tuple(stood.get(one.name, one) for one in schema.features),
    )


#: By window kind, schemas as they were.
BEFORE = {WINDOW_VENUE: _before(VENUE_SCHEMA, _VENUE)}
