"""What every test gets: hypothesis profiles, the root marker, a limit on skips.

A gate must not flip, so the `ci` profile is derandomised; `--hypothesis-profile=soak`
searches at random and prints its seed. A skip says what the host lacks; where `CI` or
`AIRNET_CI` is set, more of them than tests/skips.toml allows is a failure.
"""

import os
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
SKIPS = ROOT / "tests" / "skips.toml"
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `root` for anybody else."""
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root"))


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
    """Fail a CI run in which more was skipped than is allowed."""
    too_many = skip_reasons(session.config).total() > skips_allowed()
    if is_ci() and too_many and session.exitstatus in (0, 5):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which skips there were, and that they are too many if they are."""
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
