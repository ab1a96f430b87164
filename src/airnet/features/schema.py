"""The schemas features writes, by window kind: 1 session, 2 gateway, 3 source."""

from airnet.domain.columns import FLOOD_SCHEMA, SCHEMAS, SESSION_SCHEMA, VENUE_SCHEMA

__all__ = ["FLOOD_SCHEMA", "SCHEMAS", "SESSION_SCHEMA", "VENUE_SCHEMA"]
