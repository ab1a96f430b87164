"""Any bytes become rows and counts: never an exception, never a byte outside."""

import contextlib
import gzip
from pathlib import Path

import numpy as np
import pytest

from airnet.errors import CaptureError
from tests.reference import pcap
from tests.reference.pcap import Frame
from tests.reference.reading import read_bytes, read_files

CASES = 10_000
FILE_CASES = 6_000
#: Lengths and kinds that parsers stumble over.
WORDS = (0, 1, 3, 4, 6, 11, 12, 13, 16, 28, 31, 32, 2**20, 2**20 + 4, 2**31, 2**32 - 1)


def seeds() -> list[bytes]:
    """Return small well-formed files of every kind."""
    frames = [Frame(10**18 + i, bytes([i]) * (i * 7 % 40), 60) for i in range(6)]
    found = [pcap.pcap_file(frames, magic) for magic in pcap.MAGICS]
    for order in "<>":
        about = pcap.option(order, 9, b"\x89") + pcap.option(order, 14, b"\1" * 8)
        data = pcap.section(order) + pcap.describe(order, 1, 96, about)
        data += pcap.block(order, pcap.SIMPLE, b"\0\0\0\x10" * 5)
        data += pcap.block(order, pcap.PACKET, b"\0" * 40)
        data += b"".join(pcap.enhanced(order, 0, i, b"x" * i, i) for i in range(5))
        found.append(data + pcap.section("<") + pcap.record(frames))
    return found


def mutate(data: bytes, generator: np.random.Generator) -> bytes:
    """Return `data` with a few bytes, words or pieces changed."""
    out = bytearray(data)
    for _ in range(generator.integers(1, 5)):
        at = int(generator.integers(0, len(out)))
        what = generator.integers(0, 5)
        if what == 0:
            out[at] ^= 1 << int(generator.integers(0, 8))
        elif what == 1:
            word = WORDS[int(generator.integers(0, len(WORDS)))]
            order = "little" if generator.integers(0, 2) else "big"
            at -= at % 4
            out[at : at + 4] = word.to_bytes(4, order)
        elif what == 2 and len(out) > 40:
            del out[at : at + int(generator.integers(1, 20))]
        elif what == 3:
            out[at:at] = out[: int(generator.integers(1, 60))]
        elif len(out) > 60:
            del out[max(at, 30) :]
    return bytes(out)


def is_capture(data: bytes) -> bool:
    """Return whether PcapSource would open these bytes at all."""
    if data[:4] in pcap.MAGICS:
        return len(data) >= 24
    marks = (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d")
    return len(data) >= 28 and data[:4] == b"\n\r\r\n" and data[8:12] in marks


def test_mutated_bytes_equal_reference() -> None:
    """Ten thousand damaged files: kernel and reference agree on every frame."""
    generator = np.random.default_rng(1)
    found = seeds()
    read = 0
    for case in range(CASES):
        data = mutate(found[case % len(found)], generator)
        if not is_capture(data):
            continue
        read += 1
        step = int(generator.integers(1, 300))
        assert read_bytes(data, step, 8) == pcap.read(data), data.hex()

    assert read > CASES // 2


def test_mutated_files_raise_nothing_but_capture_errors(tmp_path: Path) -> None:
    """Through PcapSource, plain and gzip: frames, counts, or a CaptureError."""
    generator = np.random.default_rng(2)
    found = seeds()
    path = tmp_path / "damaged"
    read = 0
    for case in range(FILE_CASES):
        data = found[case % len(found)]
        if case % 2:
            data = mutate(gzip.compress(data, 1, mtime=case), generator)
        else:
            data = mutate(data, generator)
        path.write_bytes(data)
        with contextlib.suppress(CaptureError):
            read_files([path])
            read += 1

    assert FILE_CASES // 2 < read < FILE_CASES


def test_random_bytes_are_refused(tmp_path: Path) -> None:
    """Noise is no capture, and saying so is not a crash."""
    generator = np.random.default_rng(3)
    path = tmp_path / "noise"
    for size in (0, 1, 3, 4, 23, 24, 28, 1000, 100_000):
        path.write_bytes(generator.bytes(size))
        with pytest.raises(CaptureError):
            read_files([path])
