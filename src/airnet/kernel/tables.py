"""BPF hashes and tries of fixed key and value, by descriptor, and pins of them.

Reading and writing a map that one holds needs no privilege (Linux 5.8 and later): the
worker does it with inherited descriptors.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from airnet.kernel.bpf import failure, library

#: Source: include/uapi/linux/bpf.h.
BPF_NOEXIST = 1
#: Entries read in one call; a bucket of a hash holds fewer.
BATCH = 4096


class Table:
    """A BPF map with keys of some bytes.

    Args:
        fd: its descriptor; whoever opened it closes it.
        name: for errors.
        key_bytes: of a key.
        value_bytes: of a value.
    """

    def __init__(self, fd: int, name: str, key_bytes: int, value_bytes: int) -> None:
        self.fd = fd
        self._name = name
        self._key_bytes, self._value_bytes = key_bytes, value_bytes

    def update(self, key: bytes, value: bytes) -> None:
        """Store a value; one store, seen whole by programs that look it up later.

        Raises:
            UnsupportedError: the kernel refused it; E2BIG when the table is full.
        """
        assert len(key) == self._key_bytes, self._name
        assert len(value) == self._value_bytes, self._name
        done = library().bpf_map_update_elem(self.fd, key, value, 0)
        if done < 0:
            raise failure(f"BPF table {self._name}: update", -done)

    def insert(self, key: bytes, value: bytes) -> bool:
        """Store a value where there is none; False where there is one.

        Raises:
            UnsupportedError: as for `update`.
        """
        done = library().bpf_map_update_elem(self.fd, key, value, BPF_NOEXIST)
        if done < 0 and done != -errno.EEXIST:
            raise failure(f"BPF table {self._name}: update", -done)
        return bool(done >= 0)

    def lookup(self, key: bytes) -> bytes | None:
        """Return the value at a key; None when there is none."""
        value = ctypes.create_string_buffer(self._value_bytes)
        done = library().bpf_map_lookup_elem(self.fd, key, value)
        if done == -errno.ENOENT:
            return None
        if done < 0:
            raise failure(f"BPF table {self._name}: lookup", -done)
        return value.raw

    def delete(self, key: bytes) -> bool:
        """Take a key out; whether it was there."""
        done = library().bpf_map_delete_elem(self.fd, key)
        if done < 0 and done != -errno.ENOENT:
            raise failure(f"BPF table {self._name}: delete", -done)
        return bool(done >= 0)

    def keys(self) -> Iterator[bytes]:
        """Return the keys there are, in the kernel's order; give time for changes."""
        before: bytes | None = None
        after = ctypes.create_string_buffer(self._key_bytes)
        while True:
            done = library().bpf_map_get_next_key(self.fd, before, after)
            if done == -errno.ENOENT:
                return
            if done < 0:
                raise failure(f"BPF table {self._name}: next key", -done)
            before = after.raw
            yield before

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """Return keys and values, some thousand in one call to the kernel.

        One look each, so that rules that the programs change meanwhile are read as
        they were. Source: bpf(2) BPF_MAP_LOOKUP_BATCH.

        Raises:
            UnsupportedError: the kernel refused it.
        """
        count = ctypes.c_uint32()
        keys = ctypes.create_string_buffer(BATCH * self._key_bytes)
        values = ctypes.create_string_buffer(BATCH * self._value_bytes)
        cursor: ctypes.Array[ctypes.c_char] | None = None
        done = 0
        while done != -errno.ENOENT:
            after = ctypes.create_string_buffer(max(self._key_bytes, 4))
            count.value = BATCH
            done = library().bpf_map_lookup_batch(
                self.fd, cursor, after, keys, values, ctypes.byref(count), None
            )
            if done < 0 and done != -errno.ENOENT:
                raise failure(f"BPF table {self._name}: lookup of many", -done)
            cursor = after
            yield from zip(
                _cut(keys.raw, self._key_bytes, count.value),
                _cut(values.raw, self._value_bytes, count.value),
                strict=True,
            )


def _cut(raw: bytes, size: int, count: int) -> list[bytes]:
    return [raw[at : at + size] for at in range(0, size * count, size)]


def pin(fd: int, path: Path) -> None:
    """Give a map or a link a name that outlives this process.

    Raises:
        UnsupportedError: no bpf file system there, or the name is taken.
    """
    done = library().bpf_obj_pin(fd, os.fsencode(path))
    if done < 0:
        raise failure(f"{path}: pin", -done)


def pinned(path: Path) -> int:
    """Return a descriptor of what is pinned under that name.

    Raises:
        UnsupportedError: nothing is, or this process may not have it.
    """
    fd: int = library().bpf_obj_get(os.fsencode(path))
    if fd < 0:
        raise failure(f"{path}: open a pin", -fd)
    return fd
