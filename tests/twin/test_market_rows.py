"""The rows of the twin's market are the same in C and in numpy."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from airnet.twin import rows_market as rows
from tests.tidy.tree import ROOT

HEADER = ROOT / "ext" / "market_rows.h"
STRUCTS = {
    "venue_row": rows.VENUE,
    "symbol_row": rows.SYMBOL,
    "agent_row": rows.AGENT,
    "news_row": rows.NEWS,
    "fault_row": rows.FAULT,
    "book_update": rows.UPDATE,
}
NAMES = {
    "AGENT_": rows.AGENTS,
    "NEWS_": rows.NEWS_KINDS,
    "FAULT_": rows.FAULTS,
    "UPDATE_": rows.UPDATES,
}


def text() -> str:
    """Return the header without its comments."""
    return re.sub(r"/\*.*?\*/", "", HEADER.read_text("utf-8"), flags=re.DOTALL)


def fields(struct: str) -> list[tuple[str, str]]:
    """Return type and name of a struct's fields."""
    found = re.search(rf"struct {struct} \{{(.*?)\}};", text(), re.DOTALL)
    assert found, struct
    return re.findall(r"(\w+) (\w+)(?:\[\w+\])?;", found[1])


@pytest.mark.parametrize("struct", sorted(STRUCTS))
def test_dtype_equals_struct(struct: str, tmp_path: Path) -> None:
    """Names, order, offsets and sizes agree, and nothing is hidden padding."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    dtype = STRUCTS[struct]
    prints = "".join(
        f'printf("{name} %zu %zu\\n", offsetof(struct {struct}, {name}), '
        f"sizeof(((struct {struct} *)0)->{name}));"
        for _, name in fields(struct)
    )
    source = tmp_path / "layout.c"
    source.write_text(
        '#include <stdio.h>\n#include "market_rows.h"\nint main(void) {'
        f'{prints}printf("all 0 %zu\\n", sizeof(struct {struct}));}}\n'
    )
    program = tmp_path / "layout"
    include = [f"-I{ROOT / 'ext'}", f"-I{ROOT / 'bpf'}"]
    subprocess.run(["gcc", *include, str(source), "-o", str(program)], check=True)
    told = subprocess.run([program], check=True, capture_output=True, text=True).stdout

    assert dtype.names is not None
    assert dtype.fields is not None
    ours = [
        f"{name} {dtype.fields[name][1]} {dtype.fields[name][0].itemsize}"
        for name in dtype.names
    ]
    assert told.splitlines() == [*ours, f"all 0 {dtype.itemsize}"]
    assert sum(dtype[name].itemsize for name in dtype.names) == dtype.itemsize


@pytest.mark.parametrize("prefix", sorted(NAMES))
def test_kinds_agree(prefix: str) -> None:
    """Each kind has the number in C that its place in the tuple gives it."""
    known = dict(re.findall(rf"#define {prefix}(\w+) (\d+)", text()))
    known.pop("KINDS", None)

    assert known == {
        name.upper(): str(number) for number, name in enumerate(NAMES[prefix]) if number
    }


def test_every_field_has_a_meaning() -> None:
    """A field that nobody explains is a field that nobody sets right."""
    for row, dtype in (("agent", rows.AGENT), ("venue", rows.VENUE)):
        assert dtype.names is not None
        assert set(dtype.names) - {"pad"} == set(rows.MEANING[row])
