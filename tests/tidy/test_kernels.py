"""Every Cython kernel has its stub, its reference, its property test and its bench.

And every C-level signature says what happens on an error.
"""

import re
from pathlib import Path

import pytest

from tests.tidy import tree

#: The kernels whose subject is the kernel's rings or DPDK's: their reference is Linux
#: or DPDK, and tests in tests/netns hold them against frames that were really sent.
WITHOUT_REFERENCE = {"ring", "step", "dpdk"}
KERNELS = tree.files("ext/*.pyx")
#: C-level functions that return Python objects raise as Python does.
OBJECTS = r"(?:object|bytes|str|tuple|list|dict|set|np\.ndarray)\b"


def mentions(folder: str, word: str) -> bool:
    """Return whether a file below `folder` names `word`, in its path or its text."""
    pattern = re.compile(rf"(?<![A-Za-z]){word}(?![A-Za-z])")
    return any(
        pattern.search(path.stem) or pattern.search(path.read_text("utf-8"))
        for path in tree.files(f"{folder}/**/*.py")
    )


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_kernel_has_its_company(path: Path) -> None:
    """A kernel without stub, reference and bench does not land."""
    missing = []
    if not (tree.ROOT / "src/airnet/_ext" / f"{path.stem}.pyi").exists():
        missing.append(f"src/airnet/_ext/{path.stem}.pyi")
    if path.stem not in WITHOUT_REFERENCE and not mentions(
        "tests/reference", path.stem
    ):
        missing.append(f"a reference of {path.stem} in tests/reference")
    if not mentions("bench", path.stem):
        missing.append(f"a bench of {path.stem}")

    assert not missing


@pytest.mark.parametrize(
    "path", tree.files("ext/*.pyx", "ext/*.pxd"), ids=lambda path: path.name
)
def test_c_signatures_say_how_they_fail(path: Path) -> None:
    """`noexcept` or `except` stands on every cdef function; forgetting it costs."""
    text = re.sub(r"#.*", "", path.read_text("utf-8"))
    heads = re.findall(
        r"^[ ]*(?:cdef|cpdef) [^=\n]*\([^)]*\)[^:\n]*:?", text, re.MULTILINE
    )
    silent = [
        " ".join(head.split())
        for head in heads
        if "except" not in head
        and not re.match(rf"\s*c(?:p)?def (?:inline )?{OBJECTS}", head)
        and not re.match(r"\s*cdef (?:class|extern|struct|enum)\b", head)
        and not re.match(r"\s*cdef \w[\w ]*\*? ?\(\*", head)
    ]
    if path.name == "abi.pxd":
        silent = [head for head in silent if head.endswith(":")]

    assert not silent


def test_no_kernel_includes_another() -> None:
    """Kernels share layouts, never text: no `include`, no wildcard import."""
    for path in tree.files("ext/*.pyx", "ext/*.pxd"):
        text = path.read_text("utf-8")
        assert not re.search(r"^\s*include\s+[\"']", text, re.MULTILINE), tree.name(
            path
        )
        assert "import *" not in text, tree.name(path)
