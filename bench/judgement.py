"""Judgement graded on captures that share no code with the product.

`python bench/judgement.py [--families A,B] [--seeds N] [--first SEED] [--keep DIR]
[--tree DIR] [--jobs 2] [--json] [--list]` makes N captures of each family, has
`airnet replay` decide about each with the shipped policy and no site file, grades what
it decided against the labels, prints that beside one-line baselines, and ends with
status 1 when a target is missed. Captures stay in DIR (a temporary folder by default),
with labels (.json) and decisions (.jsonl) beside each; they are made anew only when the
generator changed. docs/judgement.md says what the measures mean.
"""

import argparse
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from strangers import baselines, catalogue, report
from strangers.grade import Decision, Grade, grade

HERE = Path(__file__).parent
ROOT = HERE.parent
#: A replay takes seconds; this is for one that hangs.
PATIENCE_S = 600


def source_digest() -> str:
    """Return a hash of the generator, so that its captures can be kept."""
    kept = hashlib.sha256()
    for path in sorted((HERE / "strangers").glob("*.py")):
        if path.stem not in ("grade", "report", "baselines"):
            kept.update(path.read_bytes())
    return kept.hexdigest()[:12]


def capture(family: str, seed: int, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return one capture and its labels, made unless they are there."""
    path = folder / f"{family}-{seed}.pcap"
    told = path.with_suffix(".json")
    digest = source_digest()
    if told.exists() and path.exists():
        labels = json.loads(told.read_text("utf-8"))
        if labels.get("generator") == digest:
            return path, labels
    labels = catalogue.make(family, seed, path) | {"generator": digest}
    told.write_text(json.dumps(labels), "utf-8")
    return path, labels


def decisions(path: Path, tree: Path) -> list[Decision]:
    """Return what the product of a tree decides about a capture, as a user asks it."""
    out = path.with_suffix(".jsonl")
    command = [sys.executable, "-m", "airnet", "replay", str(path), "--json"]
    command += ["--decisions", str(out)]
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    done = subprocess.run(
        command, env=environment, capture_output=True, check=False, timeout=PATIENCE_S
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise SystemExit(f"judgement: {path.name}: airnet ended with {said}")
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def judge(family: str, seed: int, folder: Path, tree: Path) -> dict[str, Grade]:
    """Return the grades of the product and the baselines on one capture."""
    path, labels = capture(family, seed, folder)
    made = {"product": decisions(path, tree)} | baselines.decide(path, labels)
    return {name: grade(labels, own) for name, own in made.items()}


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--families", default="", help="names or kinds, by comma")
    parser.add_argument("--seeds", type=int, default=3, help="captures a family")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--keep", type=Path, help="folder of captures and decisions")
    parser.add_argument("--tree", type=Path, default=ROOT, help="another built tree")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--list", action="store_true", help="name the families")
    parser.add_argument("--json", action="store_true", help="print JSON, nothing else")
    return parser.parse_args()


def chosen(wanted: str) -> list[str]:
    """Return the families that are meant by names or kinds."""
    every = catalogue.FAMILIES
    words = [word for word in wanted.split(",") if word]
    unknown = set(words) - set(every) - {kind for kind, _ in every.values()}
    if unknown:
        raise SystemExit(f"judgement: no family or kind {', '.join(sorted(unknown))}")
    return [
        name
        for name, (kind, _) in every.items()
        if not words or name in words or kind in words
    ]


def document(every: dict[str, list[Grade]]) -> dict[str, Any]:
    """Return the report as JSON has it."""
    return {
        "measures": {
            name: [
                dataclasses.asdict(one) | {"holds": one.holds}
                for one in report.measures(grades)
            ]
            for name, grades in every.items()
        },
        "confusion": report.confusion(every["product"]),
        "families": {name: report.rows(grades) for name, grades in every.items()},
        "beaten": report.beaten(every),
        "misses": report.misses(every["product"]),
        "grades": [dataclasses.asdict(one) for one in every["product"]],
    }


def main() -> int:
    """Make, replay, grade, print."""
    asked = arguments()
    if asked.list:
        for name, (kind, play) in catalogue.FAMILIES.items():
            print(f"{name:24}{kind:12}{play.__doc__}")
        return 0
    folder = asked.keep or Path(tempfile.gettempdir()) / "airnet-judgement"
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(asked.first, asked.first + asked.seeds)
    work = [(family, seed) for family in chosen(asked.families) for seed in seeds]
    every: dict[str, list[Grade]] = {}
    with concurrent.futures.ProcessPoolExecutor(asked.jobs) as pool:
        places = [folder] * len(work), [asked.tree.resolve()] * len(work)
        for made in pool.map(judge, *zip(*work, strict=True), *places):
            for name, one in made.items():
                every.setdefault(name, []).append(one)
    if asked.json:
        print(json.dumps(document(every)))
    else:
        print(report.text(every))
        print(f"\ncaptures, labels and decisions: {folder}")
    missed = [one for one in report.measures(every["product"]) if not one.holds]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
