"""Worlds under sanitizers: the catalogue's, and rows that nobody would draw.

What a row may say is bounded (ext/world_bounds.h). Here fields are set to the ends of
their types, to what is no number, and to what other rows say: a world is refused, or it
is played to its end. What is ordered of its switch, venue and lines goes on meanwhile.
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.twin import catalogue
from airnet.twin.plan import DTYPES
from tests.fuzz.targets import CHECKS, ROOT
from tests.twin.strikes import build

FLAGS = [
    *("-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"),
    *("-Wno-unused-function", "-Wno-unused-parameter"),
    *(f"-fsanitize={CHECKS}", "-fno-sanitize-recover=all"),
]
WIRE, BLIND = 0, 2
#: Worlds of altered rows, of each of these scenarios.
ALTERED = 120
BASES = ("syn_flood", "logon_flood", "slow_drip", "injection", "reconnect_storm")

#: Its build with sanitizers alone takes half a minute of a processor.
pytestmark = pytest.mark.timeout(900)

Rows = dict[str, NDArray[np.void]]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the driver with the address and the undefined-behaviour sanitizer."""
    compiler = shutil.which("clang")
    if compiler is None:
        pytest.skip("clang is not installed")
    path = tmp_path_factory.mktemp("worlds") / "world_driver"
    paths = [f"-I{ROOT / 'ext'}", f"-I{ROOT / 'bpf'}"]
    source = ROOT / "tests" / "fuzz" / "world_driver.c"
    subprocess.run([compiler, *FLAGS, *paths, source, "-o", path, "-lm"], check=True)
    return path


def packed(seed: int, span_ns: tuple[int, int], rows: Rows, mode: int = WIRE) -> bytes:
    """Return a world as the driver reads it."""
    tables = [rows[name] for name in DTYPES]
    head = np.array([seed, *span_ns], "<u8").tobytes()
    # The driver's structure ends on eight bytes.
    counts = np.array([mode, *map(len, tables)], "<u4").tobytes()
    head += counts + bytes(-len(counts) % 8)
    return head + b"".join(table.tobytes() for table in tables)


def played(driver: Path, path: Path, worlds: list[bytes]) -> list[str]:
    """Return what the driver says of each world."""
    path.write_bytes(b"".join(worlds))
    done = subprocess.run(
        [driver, path], capture_output=True, check=False, text=True, timeout=900
    )
    said = done.stdout.splitlines()
    assert done.returncode == 0, f"world {len(said)}: {done.stderr[-3000:]}"
    assert len(said) == len(worlds)
    return said


def altered(rng: np.random.Generator, rows: Rows) -> Rows:
    """Return rows of which some fields say something else."""
    out = {name: table.copy() for name, table in rows.items()}
    filled = [name for name, table in out.items() if len(table)]
    for _ in range(int(rng.integers(1, 5))):
        table = out[str(rng.choice(filled))]
        names = table.dtype.names
        assert names is not None
        field = str(rng.choice(names))
        place = int(rng.integers(len(table)))
        table[field][place] = other(rng, table[field])
    return out


def other(rng: np.random.Generator, column: NDArray[np.generic]) -> object:
    """Return a value for a column: an end of its type, a neighbour's, or none."""
    kind = column.dtype.base
    if rng.random() < 0.3:
        return column[int(rng.integers(len(column)))]
    if kind.kind == "f":
        real = [0.0, -1.0, 0.5, 1.0, 1e-300, 1e4, 1e6, 1e300, np.nan, np.inf, -np.inf]
        return rng.choice(real)
    ends = np.iinfo(kind)
    small = [0, 1, 2, 3, 5, 17, 255, 65_535]
    values = [int(ends.min), int(ends.max), int(ends.max) // 2, *small]
    return rng.choice([value for value in values if value <= ends.max])


@pytest.mark.slow
def test_every_scenario_is_played_without_a_fault(driver: Path, tmp_path: Path) -> None:
    """Each at both ends of its difficulty; floods reach intakes and meters."""
    worlds = []
    for number, name in enumerate(catalogue.names()):
        plan = build(name, 3 + number, clean=False, difficulty=float(number % 2))
        span_ns = plan.start_ns, plan.end_ns
        worlds.append(
            packed(plan.seed, span_ns, plan.rows(), (WIRE, BLIND)[number % 4 == 3])
        )

    said = played(driver, tmp_path / "worlds", worlds)

    assert all(line.startswith("played") for line in said)
    assert sum(int(line.split()[1]) for line in said) > 100_000
    assert sum(int(line.split()[2]) for line in said) > 100_000


@pytest.mark.slow
@pytest.mark.parametrize("name", BASES)
def test_rows_nobody_would_draw_are_refused_or_played(
    name: str, driver: Path, tmp_path: Path
) -> None:
    """Some of both: else one half of the test would say nothing."""
    plan = build(name, 2, clean=False, duration_s=2.0)
    span_ns, rows = (plan.start_ns, plan.end_ns), plan.rows()
    seeds = (np.random.Generator(np.random.PCG64(n)) for n in range(ALTERED))
    worlds = [packed(n, span_ns, altered(rng, rows)) for n, rng in enumerate(seeds)]

    said = played(driver, tmp_path / "worlds", worlds)

    refused = sum(line.startswith("refused") for line in said)
    assert ALTERED / 10 < refused < ALTERED * 9 / 10
