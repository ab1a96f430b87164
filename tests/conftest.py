"""What every test gets: hypothesis profiles, the root marker, a limit on skips.

A gate must not flip, so the `ci` profile is derandomised; `--hypothesis-profile=soak`
searches at random and prints its seed. A skip says what the host lacks; where `CI` or
`AIRNET_CI` is set, more of them than tests/skips.toml allows is a failure.

A test marked `root` waits for a kernel, switches and processes on a host that may
stall: it is tried a second time when it fails. How it failed first is shown, and more
of them than `SECOND_TRIES` fail the run.
"""

import os
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
SKIPS = ROOT / "tests" / "skips.toml"
#: A host that stalls costs one test in a thousand; a race of ours costs the same one
#: again, or several.
SECOND_TRIES = 2
BPFFS = Path("/sys/fs/bpf")
CAPTURES = Path(os.environ.get("AIRNET_TEST_DATA", ROOT.parent / "shared" / "data"))

settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,  # two busy cores say nothing about one example's time
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "soak",
    deadline=None,
    max_examples=5000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")


def is_ci() -> bool:
    """Return whether the environment says that nobody will read a skip's reason."""
    return any(
        os.environ.get(name, "") not in ("", "0") for name in ("AIRNET_CI", "CI")
    )


def pytest_sessionstart() -> None:
    """Mount what guards are pinned in, as systemd does at boot. Source: bpf(2)."""
    if os.geteuid() == 0 and not BPFFS.is_mount() and BPFFS.is_dir():
        subprocess.run(["mount", "-t", "bpf", "bpf", BPFFS], check=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give what is marked `root` a second try; skip it for anybody else."""
    is_root = os.geteuid() == 0
    skip = pytest.mark.skip(reason="needs root")
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.flaky(reruns=1) if is_root else skip)


def failed_first(config: pytest.Config) -> list[pytest.TestReport]:
    """Return how each test failed that was tried a second time."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return list(reporter.stats.get("rerun", [])) if reporter else []


def skip_reasons(config: pytest.Config) -> Counter[str]:
    """Return how often each reason to skip was given in this run."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    reasons: Counter[str] = Counter()
    for report in reports:
        where = report.longrepr
        text = where[2] if isinstance(where, tuple) else str(where)
        reasons[text.removeprefix("Skipped: ")] += 1
    return reasons


def skips_allowed() -> int:
    """Return how many skips this run may have: more where the captures are not."""
    limits = tomllib.loads(SKIPS.read_text(encoding="utf-8"))
    extra = 0 if CAPTURES.is_dir() else limits.get("without_captures", 0)
    return int(limits["allowed"] + extra)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of too many second tries, and in CI one of too many skips."""
    too_many = skip_reasons(session.config).total() > skips_allowed()
    too_often = len(failed_first(session.config)) > SECOND_TRIES
    if ((is_ci() and too_many) or too_often) and session.exitstatus in (0, 5):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was tried twice and why, and which skips were too many."""
    tell_second_tries(terminalreporter, failed_first(config))
    reasons = skip_reasons(config)
    allowed = skips_allowed()
    if not (is_ci() and reasons.total() > allowed):
        return
    terminalreporter.section("too many skips")
    terminalreporter.line(
        f"{reasons.total()} skipped, tests/skips.toml allows {allowed}; a skip in CI"
        " is a test that nobody runs"
    )
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count:5d}  {reason}")


def tell_second_tries(
    terminalreporter: pytest.TerminalReporter, reports: list[pytest.TestReport]
) -> None:
    """Show how each test failed that was tried twice: a race of ours hides here."""
    if not reports:
        return
    terminalreporter.section("failed at first, tried a second time")
    for report in reports:
        terminalreporter.line(report.nodeid)
        terminalreporter.line(report.longreprtext)
    terminalreporter.line(
        f"{len(reports)} tried a second time, tests/conftest.py allows {SECOND_TRIES}"
    )
