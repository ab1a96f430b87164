"""Rows of strikes and of the mirror are the same in C and in numpy."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from airnet.twin import rows_strike

ROOT = Path(__file__).parents[2]
HEADER = ROOT / "ext" / "strike_rows.h"
DTYPES = {"strike_row": rows_strike.STRIKE, "sensor_row": rows_strike.SENSOR}
FAMILIES = {
    "STRIKE_": (rows_strike.Strike, rows_strike.Service),
    "SENSOR_": (rows_strike.Impairment,),
}


def ask_gcc(source: str, place: Path) -> str:
    """Compile and run a program that includes the header; return what it prints."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    head = '#include <stdio.h>\n#include "strike_rows.h"\nint main(void) {\n'
    (place / "ask.c").write_text(head + source + "return 0; }\n")
    paths = [f"-I{ROOT / 'ext'}", f"-I{ROOT / 'bpf'}"]
    subprocess.run([gcc, *paths, "ask.c", "-o", "ask"], cwd=place, check=True)
    told = subprocess.run([place / "ask"], check=True, capture_output=True, text=True)
    return told.stdout


@pytest.mark.parametrize("struct", sorted(DTYPES))
def test_dtype_equals_struct(struct: str, tmp_path: Path) -> None:
    """Offsets and sizes are gcc's, names and order the header's."""
    dtype = DTYPES[struct]
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text("utf-8"), flags=re.DOTALL)
    body = re.search(rf"struct {struct} \{{(.*?)\}};", text, re.DOTALL)
    assert body
    names = re.findall(r"(\w+)(?:\[\w+\])?;", body[1])
    source = "".join(
        f'printf("%zu %zu\\n", offsetof(struct {struct}, {name}), '
        f"sizeof(((struct {struct} *)0)->{name}));\n"
        for name in names
    )

    told = [
        tuple(map(int, line.split()))
        for line in ask_gcc(source, tmp_path).split("\n")
        if line
    ]

    assert tuple(names) == dtype.names
    assert told == [(dtype.fields[name][1], dtype[name].itemsize) for name in names]
    assert sum(dtype[name].itemsize for name in names) == dtype.itemsize


def test_kinds_agree() -> None:
    """Every kind has one number, on both sides."""
    pattern = re.compile(r"^#define (STRIKE|SENSOR)_(\w+) (\d+)\b", re.MULTILINE)
    told = {
        (prefix, name): int(number)
        for prefix, name, number in pattern.findall(HEADER.read_text("utf-8"))
    }

    for prefix, families in FAMILIES.items():
        for family in families:
            for member in family:
                assert told.pop((prefix[:-1], member.name)) == member.value

    assert told == {
        ("STRIKE", "KINDS"): len(rows_strike.Strike) + 1,
        ("SENSOR", "KINDS"): len(rows_strike.Impairment) + 1,
    }
    assert np.uint32(rows_strike.NONE) == np.uint32(0xFFFFFFFF)
