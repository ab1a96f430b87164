"""Features: what sessions, gateways and sources did in one slice of capture time."""

from airnet.features.windows import Windows

__all__ = ["Windows"]
