"""One layout: numpy's dtypes of the lines say what ext/line_rows.h says."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from airnet.twin import rows_line
from tests.tidy.tree import ROOT

DTYPES = {
    "host_row": rows_line.HOST,
    "dialect_row": rows_line.DIALECT,
    "line_row": rows_line.LINE,
    "trouble_row": rows_line.TROUBLE,
    "feed_row": rows_line.FEED,
    "murmur_row": rows_line.MURMUR,
}


def test_the_compiler_lays_rows_out_as_numpy_does(tmp_path: Path) -> None:
    """Every field lies where the header puts it, and nothing is left over."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    checks = []
    for name, dtype in DTYPES.items():
        assert dtype.fields is not None
        checks.append(f'_Static_assert(sizeof(struct {name}) == {dtype.itemsize}, "");')
        for field, (kind, offset, *_) in dtype.fields.items():
            place = f"offsetof(struct {name}, {field}) == {offset}"
            size = f"sizeof(((struct {name} *)0)->{field}) == {kind.itemsize}"
            checks.append(f'_Static_assert({place} && {size}, "{name}.{field}");')
    source = tmp_path / "rows.c"
    source.write_text('#include "line_rows.h"\n' + "\n".join(checks) + "\n")
    include = [f"-I{ROOT / 'bpf'}", f"-I{ROOT / 'ext'}"]
    subprocess.run([gcc, "-fsyntax-only", *include, str(source)], check=True)


def test_rows_are_packed() -> None:
    """No padding that is not written out: rows are compared as bytes."""
    for name, dtype in DTYPES.items():
        assert dtype.fields is not None
        held = sum(np.dtype(kind).itemsize for kind, *_ in dtype.fields.values())
        assert held == dtype.itemsize, name
