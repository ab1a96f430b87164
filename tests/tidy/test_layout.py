"""One layout: numpy's dtypes and domain's constants say what bpf/airnet.h says.

The header is compiled, not only read: gcc tells where each field lies.
"""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from airnet.domain import frame, message, session, window
from tests.tidy.tree import ROOT

HEADER = ROOT / "bpf" / "airnet.h"
DTYPES = {
    "airnet_frame": frame.FRAME,
    "airnet_header": frame.HEADER,
    "airnet_message": message.MESSAGE,
    "airnet_session": session.SESSION,
    "airnet_window": window.WINDOW,
}
#: Constants that only C needs.
C_ONLY = ("AIRNET_H", "AIRNET_TCP_", "AIRNET_TAP_")
SCALARS = {
    "AIRNET_NONE": frame.NONE,
    "AIRNET_FRAMES_MAX": frame.FRAMES_MAX,
    "AIRNET_MESSAGES_MAX": message.MESSAGES_MAX,
    "AIRNET_FIX_BYTES_MAX": message.FIX_BYTES_MAX,
    "AIRNET_SESSIONS_MAX": session.SESSIONS_MAX,
    "AIRNET_LAYOUTS": message.LAYOUTS,
    "AIRNET_COMP_BYTES": session.COMP_BYTES,
    "AIRNET_DIRECTION_UP": message.UP,
    "AIRNET_DIRECTION_DOWN": message.DOWN,
    "AIRNET_SESSION_OPEN": session.OPEN,
    "AIRNET_SESSION_LOGGED_ON": session.LOGGED_ON,
    "AIRNET_SESSION_CLOSED": session.CLOSED,
    "AIRNET_FRAME_REASONS": len(frame.FRAME_REASONS),
    "AIRNET_KINDS": len(message.KINDS),
    "AIRNET_MALFORMED_REASONS": len(message.MALFORMED_REASONS),
}
#: Prefix of C constants -> (module, prefix of its constants).
FAMILIES = {
    "AIRNET_CLOCK_": (frame, "CLOCK_"),
    "AIRNET_LINK_": (frame, "LINK_"),
    "AIRNET_STREAM_": (frame, "STREAM_"),
    "AIRNET_FEED_": (frame, "FEED_"),
    "AIRNET_MESSAGE_": (message, "FLAG_"),
    "AIRNET_WINDOW_": (window, "WINDOW_"),
}
NAMES = {
    "AIRNET_FRAME_": frame.FRAME_REASONS,
    "AIRNET_TRAILER_": frame.TRAILERS,
    "AIRNET_KIND_": message.KINDS,
    "AIRNET_MALFORMED_": message.MALFORMED_REASONS,
}


def fields(struct: str) -> list[str]:
    """Return the field names of a struct of the header, in order."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text("utf-8"), flags=re.DOTALL)
    found = re.search(rf"struct {struct} \{{(.*?)\}};", text, re.DOTALL)
    assert found, f"bpf/airnet.h has no struct {struct}"
    return re.findall(r"an_\w+ (\w+)(?:\[\w+\])?;", found[1])


def defines() -> dict[str, int]:
    """Return the integer constants of the header."""
    pattern = re.compile(r"^#define (AIRNET_\w+) (0x[0-9a-f]+|\d+)u?\b", re.MULTILINE)
    return {
        name: int(value, 0)
        for name, value in pattern.findall(HEADER.read_text("utf-8"))
    }


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[str]]]:
    """Return what gcc says of each struct: lines of name, offset, bytes, signed."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    place = tmp_path_factory.mktemp("layout")
    lines = []
    for struct in DTYPES:
        lines.append(f'printf("{struct} size %zu 0\\n", sizeof(struct {struct}));')
        for name in fields(struct):
            one = f"((struct {struct} *)0)->{name}"
            element = f"__typeof__(__builtin_choose_expr(IS_ARRAY({one}), 0u, {one}))"
            lines.append(
                f'printf("{struct} {name} %zu %zu %d\\n", offsetof(struct {struct}, '
                f"{name}), sizeof({one}), IS_SIGNED({element}));"
            )
    source = (
        '#include <stdio.h>\n#include "airnet.h"\n'
        "#define IS_ARRAY(x) (!__builtin_types_compatible_p(__typeof__(x), "
        "__typeof__(0 ? (x) : (x))))\n"
        "#define IS_SIGNED(t) (((t)-1) < (t)0)\n"
        "int main(void) {\n" + "\n".join(lines) + "\nreturn 0; }\n"
    )
    (place / "layout.c").write_text(source)
    command = [gcc, f"-I{HEADER.parent}", "layout.c", "-o", "layout"]
    subprocess.run(command, cwd=place, check=True)
    told = subprocess.run([Path(place, "layout")], check=True, capture_output=True)
    found: dict[str, list[list[str]]] = {struct: [] for struct in DTYPES}
    for line in told.stdout.decode().splitlines():
        struct, *rest = line.split()
        found[struct].append(rest)
    return found


@pytest.mark.parametrize("struct", sorted(DTYPES))
def test_dtype_equals_struct(struct: str, layout: dict[str, list[list[str]]]) -> None:
    """Names, order, offsets, sizes and signs are the same in C and in numpy."""
    dtype = DTYPES[struct]
    (_, size, _), *c_fields = layout[struct]

    rows = [
        [name, offset, kind.itemsize, kind.base.kind == "i"]
        for name, (kind, offset, *_) in (
            (name, dtype.fields[name]) for name in dtype.names
        )
    ]

    assert rows == [
        [name, int(offset), int(count), signed == "1"]
        for name, offset, count, signed in c_fields
    ]
    assert dtype.itemsize == int(size)
    assert all(dtype[name].base.byteorder in "=|" for name in dtype.names)


def test_rows_have_no_hidden_padding() -> None:
    """Every byte of a row has a name, so rows of equal fields are equal bytes."""
    for dtype in DTYPES.values():
        assert sum(dtype[name].itemsize for name in dtype.names) == dtype.itemsize
        assert not dtype.isalignedstruct or dtype.alignment <= np.dtype("u8").alignment


def test_constants_agree() -> None:
    """Each constant of the header has the same value in domain, under its own name."""
    wrong = []
    for name, value in defines().items():
        if name in SCALARS:
            if SCALARS[name] != value:
                wrong.append(f"{name}: {value}, domain has {SCALARS[name]}")
            continue
        known = None
        for prefix, (module, own) in FAMILIES.items():
            if name.startswith(prefix):
                known = getattr(module, own + name.removeprefix(prefix), None)
        for prefix, names in NAMES.items():
            if name.startswith(prefix) and value < len(names):
                is_same = names[value] == name.removeprefix(prefix).lower()
                known = value if is_same else names[value]
        if known != value and not name.startswith(C_ONLY):
            wrong.append(f"{name}: {value}, domain has {known}")

    assert not wrong


def test_every_name_has_a_constant() -> None:
    """Domain names no reason or kind that C does not know."""
    known = defines()
    for prefix, names in NAMES.items():
        for value, name in enumerate(names):
            assert known[prefix + name.upper()] == value
