"""The theatre: chooses the stage, shows the play, hands out the programme.

Behind `airnet demo`: the lab where this host allows it, generated scenes elsewhere.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from airnet.errors import EXIT_DONE, EXIT_NO
from airnet.lab.demo import run_demo
from airnet.lab.fallback import run_generated
from airnet.lab.needs import missing
from airnet.lab.report import write_report
from airnet.lab.view import Lines, Screen, print_result


def perform(
    directory: Path,
    generate: Callable[[str, int], Any],
    *,
    simulated: bool,
    as_json: bool,
) -> int:
    """Play the scenes, show them, write the report; return the exit status.

    Args:
        directory: where the run's files go.
        generate: makes the scenes' capture where there is no lab.
        simulated: do without the lab in any case.
        as_json: print the result as one JSON document, and progress elsewhere.
    """
    lacking = ["the lab: not wanted (--simulated)"] if simulated else missing()
    told = Console(stderr=True) if as_json else Console()
    if not told.is_terminal:
        told = Console(stderr=as_json, width=140)
    for line in lacking:
        told.print(f"[yellow]missing here[/] {line}", highlight=False)
    view = Screen(told) if told.is_terminal else Lines(told)
    with view:
        result = (
            run_generated(directory, view, generate, missing=lacking)
            if lacking
            else run_demo(directory, view)
        )
    report = write_report(result)
    if as_json:
        document = {**msgspec.to_builtins(result), "ok": result.ok}
        document["report"] = str(report)
        sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
    else:
        print_result(told, result, str(report))
    return EXIT_DONE if result.ok else EXIT_NO
