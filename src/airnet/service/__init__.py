"""Service: what runs behind `airnet run` on a capture host."""

from airnet.service.watch import Service

__all__ = ["Service"]
