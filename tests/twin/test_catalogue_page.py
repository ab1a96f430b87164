"""The page of scenarios says what the catalogue says."""

import re
from pathlib import Path

import pytest

from airnet.twin import catalogue
from airnet.twin.page import page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "scenarios.md"


def test_the_page_is_up_to_date() -> None:
    """Whoever adds a scenario prints the page anew."""
    assert PAGE.read_text("utf-8") == page()


def test_the_page_lists_every_scenario() -> None:
    """Each name stands in one row."""
    text = PAGE.read_text("utf-8")

    for name in catalogue.names():
        assert text.count(f"| `{name}`") == 1


@pytest.mark.parametrize("document", ["README.md", "CHANGELOG.md", "docs/twin.md"])
def test_documents_count_the_scenarios_that_there_are(document: str) -> None:
    """Whoever adds a scenario mends their number as well."""
    told = re.findall(r"\b(\d+)\s+scenarios\b", (ROOT / document).read_text("utf-8"))

    assert told
    assert set(told) == {str(len(catalogue.names()))}
