"""The files of this repository, as the tidy tests read them."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
#: Folders that hold what was built or downloaded.
LEFT_OUT = {".git", ".venv", "build", "var", "__pycache__"}
TEXT = {
    "",
    ".c",
    ".example",
    ".h",
    ".md",
    ".pxd",
    ".py",
    ".pyi",
    ".pyx",
    ".service",
    ".svg",
    ".toml",
    ".txt",
    ".yaml",
}


def files(*patterns: str) -> list[Path]:
    """Return files matching any glob from the root, sorted; none that git ignores."""
    wanted = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(
        path
        for path in wanted & _tracked()
        if path.is_file() and not LEFT_OUT & set(path.relative_to(ROOT).parts)
    )


def name(path: Path) -> str:
    """Return a path as people write it."""
    return path.relative_to(ROOT).as_posix()


def _tracked() -> set[Path]:
    """Return what git tracks or would track; every file where there is no git."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    command += ["--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return set(ROOT.rglob("*"))
    return {ROOT / part for part in done.stdout.decode().split("\0") if part}


def headings(text: str) -> set[str]:
    """Return the anchors of a Markdown text's headings."""
    found = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in found)
    return {heading.replace(" ", "-") for heading in plain}
