"""Count instructions a row of each stage under callgrind; fail on growth.

`python bench/check.py` compares with budgets.toml and ends with status 1 where a stage
grew by more than the tolerance; `--write` prints what budgets.toml should say.
Instructions are the same on a busy machine and an idle one; see README.md.

ext/ring.pyx, step.pyx and dpdk.pyx have no bench here: shared rings, which
valgrind does not run; `airnet bench lab` times it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE.parent / "src"
BUDGETS = HERE / "budgets.toml"
TIME_LIMIT_S = 1200


def instructions(name: str, collect: str, directory: Path) -> float:
    """Return the instructions a row of one bench.

    Counted are those inside `collect` only; where it is empty, all of what the bench
    does when it does it once more.
    """
    if collect:
        count, rows = counted(name, [f"--toggle-collect={collect}"], directory)
        return count / rows
    once, rows = counted(name, [], directory, "1")
    return (counted(name, [], directory, "2")[0] - once) / rows


def counted(
    name: str, options: list[str], directory: Path, *words: str
) -> tuple[int, int]:
    """Run a bench; return the instructions counted, and the rows it says it took."""
    command = [
        "valgrind",
        "--tool=callgrind",
        f"--callgrind-out-file={directory / name}.out",
        *options,
        sys.executable,
        str(HERE / f"{name}.py"),
        str(directory),
        *words,
    ]
    # One thread, one hash seed, one path through every library: counts repeat.
    environment = {
        **os.environ,
        "PYTHONPATH": str(SOURCE),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=TIME_LIMIT_S,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        sys.exit(f"bench/{name}.py: {done.stderr.strip().splitlines()[-1:]}")
    return int(found.group(1)), int(done.stdout.split()[-1])


def main() -> int:
    """Run every bench of budgets.toml and compare."""
    if shutil.which("valgrind") is None:
        print("bench: no valgrind: apt-get install valgrind")
        return 69
    settings = tomllib.loads(BUDGETS.read_text("utf-8"))
    tolerance = settings["tolerance_percent"]
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    grown = []
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        make = [sys.executable, str(HERE / "making.py"), text]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        subprocess.run(make, check=True, env=environment)
        for name, bench in settings["bench"].items():
            if wanted and name not in wanted:
                continue
            count = instructions(name, bench.get("collect", ""), directory)
            budget = bench["instructions"]
            growth = 100.0 * (count / budget - 1.0) if budget else 0.0
            if "--write" in sys.argv:
                print(f"[bench.{name}]\ninstructions = {count:.0f}")
            else:
                print(
                    f"{name:10} {count:8.0f} a row, budget {budget} ({growth:+.1f} %)"
                )
            if growth > tolerance:
                grown.append(name)
    if grown:
        print(f"bench: grown by more than {tolerance} %: {', '.join(grown)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
