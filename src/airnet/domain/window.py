"""Window: what a Session, a source or a gateway did in one slice of capture time.

A key row and a float32 row of features under a named, versioned, hashed schema. Made
by features, read by score. Every feature is an integer carried in float32 (magnitude
below 2**24), so that sums over them are exact in any order. Where a schema says that a
feature may be missing, NaN stands for one that nothing was seen of; 0 is a
measurement.
"""

import hashlib

import msgspec
import numpy as np

WINDOW_SESSION, WINDOW_GATEWAY, WINDOW_SOURCE, WINDOW_VENUE = 1, 2, 3, 4
WINDOW_HOST, WINDOW_FEED, WINDOW_SENSOR, WINDOW_ORDER = 5, 6, 7, 8
KINDS = {
    WINDOW_SESSION: "session",
    WINDOW_GATEWAY: "gateway",
    WINDOW_SOURCE: "source",
    WINDOW_VENUE: "venue",
    WINDOW_HOST: "host",
    WINDOW_FEED: "feed",
    WINDOW_SENSOR: "sensor",
    WINDOW_ORDER: "order",
}
#: What a session's name and number are said of.
OF_SESSIONS = frozenset({WINDOW_SESSION, WINDOW_ORDER})
FEATURE_LIMIT = (1 << 24) - 1

WINDOW = np.dtype(
    [
        ("open_ns", "<u8"),
        ("close_ns", "<u8"),
        ("frame_count", "<u8"),
        ("first_ns", "<u8"),
        ("accepted_ns", "<u8"),
        ("address", "u1", (16,)),
        ("subject", "<u4"),
        ("port", "<u2"),
        ("kind", "u1"),
        ("known", "u1"),
    ]
)


class Feature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column: its name, unit, largest value (it saturates there) and meaning.

    `may_be_missing` says that it is NaN where nothing was seen of it. A default is left
    out of the digest, so that schemas older than the word keep theirs.
    """

    name: str
    unit: str
    limit: int
    means: str
    may_be_missing: bool = False


class FeatureSchema(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of one kind of Window, in order, with a name and a version."""

    name: str
    version: int
    features: tuple[Feature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the column names in order."""
        return tuple(feature.name for feature in self.features)

    def digest(self) -> str:
        """Return the SHA-256, in hex, of the schema's canonical JSON."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def grown_from(self, digest: str) -> int | None:
        """Return how many of its columns an earlier schema had, with this digest.

        None where that one was no beginning of this one.
        """
        for count in range(len(self.features), 0, -1):
            early = msgspec.structs.replace(self, features=self.features[:count])
            if early.digest() == digest:
                return count
        return None

    def index(self, name: str) -> int:
        """Return the column of the feature called `name`."""
        return self.names.index(name)
