"""Build the fuzz targets, and keep their corpora in one archive each.

The kernels are copied with the limits of limits.txt and built with clang's libFuzzer,
AddressSanitizer and UndefinedBehaviorSanitizer; nothing else of theirs changes.
"""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "fuzz"
#: Target and the longest input worth trying: enough to fill every small pool.
LENGTHS = {
    "capture": 1000,
    "fix": 600,
    "frames": 1200,
    "headers": 500,
    "segments": 450,
    "walk": 400,
}
CHECKS = "address,undefined"
FLAGS = (
    "-std=gnu11",
    "-O2",
    "-gline-tables-only",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-unused-function",
    f"-fsanitize=fuzzer,{CHECKS}",
    "-fno-sanitize-recover=all",
)
EPOCH = (1980, 1, 1, 0, 0, 0)


def limits() -> dict[str, int]:
    """Return the limits that the fuzz build makes small."""
    lines = (HERE / "limits.txt").read_text("utf-8").splitlines()
    pairs = (line.split() for line in lines if line and not line.startswith("#"))
    return {name: int(number) for name, number in pairs}


def copy_kernels(out: Path, numbers: dict[str, int]) -> None:
    """Copy the kernels' headers with other limits.

    Raises:
        ValueError: no kernel has a limit of that name; limits.txt is behind.
    """
    missing = set(numbers)
    out.mkdir(parents=True, exist_ok=True)
    for path in [*(ROOT / "ext").glob("*.h"), *(ROOT / "bpf").glob("*.h")]:
        text = path.read_text("utf-8")
        for name, number in numbers.items():
            pattern = rf"^#define {name} +\S.*$"
            text, found = re.subn(
                pattern, f"#define {name} {number}", text, flags=re.MULTILINE
            )
            if found:
                missing.discard(name)
        (out / path.name).write_text(text, "utf-8")
    if missing:
        raise ValueError(f"limits.txt: no kernel defines {', '.join(sorted(missing))}")


def missing() -> str:
    """Return why targets cannot be built here; nothing when they can."""
    if not shutil.which("clang"):
        return "clang is not installed"
    command = ["clang", "-print-file-name=libclang_rt.fuzzer-x86_64.a"]
    resources = subprocess.run(
        ["clang", "-print-resource-dir"], check=True, capture_output=True, text=True
    ).stdout.strip()
    found = list(Path(resources).rglob("libclang_rt.fuzzer*.a"))
    return "" if found else f"clang's fuzzer runtime is not installed ({command[1]})"


def build(target: str, out: Path, *, is_real: bool = False) -> Path:
    """Compile one target into `out`; with `is_real`, at the kernels' own limits."""
    kernels = out / ("kernels-real" if is_real else "kernels")
    copy_kernels(kernels, {} if is_real else limits())
    binary = out / (f"{target}-real" if is_real else target)
    source = HERE / f"{target}.c"
    command = ["clang", *FLAGS, f"-I{kernels}", str(source), "-o", str(binary)]
    subprocess.run(command, check=True)
    return binary


def unpack(target: str, out: Path) -> Path:
    """Put the target's corpus, and what was once found with it, into a folder."""
    corpus = out / f"{target}-corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    archive = HERE / "corpus" / f"{target}.zip"
    if archive.exists():
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(corpus)
    for path in (HERE / "found").glob(f"{target}-*"):
        shutil.copy(path, corpus / path.name)
    return corpus


def pack(target: str, corpus: Path) -> int:
    """Write a folder of inputs as the target's archive; the same for the same files.

    Returns:
        The archive's size in bytes.
    """
    archive = HERE / "corpus" / f"{target}.zip"
    archive.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for number, path in enumerate(sorted(corpus.iterdir())):
            name = zipfile.ZipInfo(f"{number:04}", EPOCH)
            name.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(name, path.read_bytes())
    return archive.stat().st_size
