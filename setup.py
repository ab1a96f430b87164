"""Build what pyproject.toml cannot say: ext/*.pyx and bpf/*.bpf.c; nothing else.

ext/NAME.pyx becomes airnet._ext.NAME; bpf/NAME.bpf.c becomes airnet/_bpf/NAME.bpf.o.
Environment: AIRNET_DEBUG=1 builds with every check on; AIRNET_ONLY=a,b builds only
those extensions.
"""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
DEBUG = os.environ.get("AIRNET_DEBUG") == "1"
ONLY = [name for name in os.environ.get("AIRNET_ONLY", "").split(",") if name]

DIRECTIVES = {
    "language_level": "3",
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": not DEBUG,
    "autotestdict": False,
    "embedsignature": False,
    "linetrace": False,
}
WARNINGS = ["-Wall", "-Wextra", "-Wno-unused-parameter"]
# -fno-tree-vectorize: measured in docs, the vectoriser makes scan loops slower.
FAST = ["-O2", "-fno-tree-vectorize", "-fno-strict-aliasing"]
# gcc clears what has a few cache lines by `rep stos`, which takes longer to start than
# the stores take; a row and its scan are cleared for each message.
CLEAR = "-mmemset-strategy=vector_loop:256:noalign,libcall:-1:noalign"
#: Optional: its shim includes DPDK's headers.
DPDK, SHIM = "airnet._ext.dpdk", "dpdk_shim.c"
# The twin's arithmetic must be the same on every processor: no fused multiply-add.
EXACT = {name: ["-ffp-contract=off"] for name in ("twin", "book", "market")}
CHECKED = ["-O1", "-g", "-fsanitize=undefined", "-fno-sanitize-recover"]


def takes(option: str) -> bool:
    """Say whether the compiler knows an option: gcc on x86 has some of its own."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    command = [*compiler, option, "-x", "c", "-E", "-", "-o", os.devnull]
    try:
        done = subprocess.run(command, check=False, input=b"", capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


FAST += [CLEAR] if takes(CLEAR) else []


def extension(path: Path) -> Extension:
    """Return the extension that ext/NAME.pyx becomes."""
    return Extension(
        f"airnet._ext.{path.stem}",
        [str(path.relative_to(ROOT))],
        include_dirs=["bpf", "ext", np.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        extra_compile_args=WARNINGS
        + (CHECKED if DEBUG else FAST)
        + EXACT.get(path.stem, []),
        extra_link_args=["-fsanitize=undefined"] if DEBUG else [],
        depends=[str(p.relative_to(ROOT)) for p in headers()],
    )


def pkg_config(option: str) -> list[str]:
    """Return what pkg-config says of libdpdk; nothing where there is none."""
    program = shutil.which("pkg-config")
    if program is None:
        return []
    command = [program, option, "libdpdk"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else []


def headers() -> list[Path]:
    """Return the files whose change rebuilds every extension."""
    return [*ROOT.glob("ext/*.pxd"), *ROOT.glob("ext/*.h"), *ROOT.glob("bpf/*.h")]


def drop_stale(copies: Path) -> None:
    """Delete copies of headers that differ: Cython makes them by age, not content."""
    for copy in copies.glob("*.h"):
        own = ROOT / "ext" / copy.name
        if not own.exists() or own.read_bytes() != copy.read_bytes():
            copy.unlink()


def build_bpf(out: Path) -> None:
    """Compile bpf/*.bpf.c with clang into `out`.

    vmlinux.h is made from this kernel's BTF; without one (a container, an old
    kernel) the objects are left out and `airnet doctor` says what that costs.
    """
    btf = Path("/sys/kernel/btf/vmlinux")
    clang, bpftool = shutil.which("clang"), shutil.which("bpftool")
    bpftool = bpftool or shutil.which("bpftool", path="/usr/sbin:/sbin")
    if not (btf.exists() and clang and bpftool):
        print("airnet: no BTF, clang or bpftool: BPF objects are not built")
        return
    include = ROOT / "build" / "bpf"
    include.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    dump = [bpftool, "btf", "dump", "file", str(btf), "format", "c"]
    text = subprocess.run(dump, check=True, capture_output=True).stdout
    place(include / "vmlinux.h", text)
    for source in sorted(ROOT.glob("bpf/*.bpf.c")):
        target = out / f"{source.name[:-2]}.o"
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        # -mcpu=v3: the 6.x verifier refuses v1 code of bounded copies.
        flags = ["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Werror"]
        paths = [f"-I{include}", f"-I{ROOT / 'bpf'}"]
        subprocess.run(
            [clang, *flags, *paths, "-c", str(source), "-o", str(partial)], check=True
        )
        partial.rename(target)


def place(path: Path, content: bytes) -> None:
    """Write a file whole: another build may be reading the one that is there."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.rename(path)


class BuildAll(build_ext):
    """build_ext, then the BPF objects beside the package."""

    def run(self) -> None:
        """Build the extensions, then the BPF objects."""
        super().run()
        base = ROOT / "src" if self.inplace else Path(self.build_lib)
        build_bpf(base / "airnet" / "_bpf")

    def build_extension(self, ext: Extension) -> None:
        """Give DPDK's extension its shim, compiled by itself with DPDK's flags.

        They force an instruction set, which no other code of ours shall have.
        """
        if ext.name == DPDK:
            flags = pkg_config("--cflags")
            ext.extra_objects = self.compiler.compile(
                [f"ext/{SHIM}"],
                output_dir=self.build_temp,
                include_dirs=["bpf", "ext"],
                extra_postargs=["-O2", *WARNINGS, *flags],
                depends=[*ext.depends, f"ext/{SHIM}"],
            )
            ext.extra_link_args = [*ext.extra_link_args, *pkg_config("--libs")]
        super().build_extension(ext)


drop_stale(ROOT / "build" / "ext")
sources = sorted(ROOT.glob("ext/*.pyx"))
if ONLY:
    sources = [path for path in sources if path.stem in ONLY]
if not pkg_config("--modversion"):
    sources = [path for path in sources if path.stem != "dpdk"]
    print("airnet: no libdpdk-dev: capture with DPDK is not built")

setup(
    ext_modules=cythonize(
        [extension(path) for path in sources],
        build_dir="build",
        include_path=["ext"],
        compiler_directives=DIRECTIVES,
    ),
    cmdclass={"build_ext": BuildAll},
)
