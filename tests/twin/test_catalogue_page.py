"""The page of scenarios says what the catalogue says."""

from pathlib import Path

from airnet.twin import catalogue
from airnet.twin.page import page

PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"


def test_the_page_is_up_to_date() -> None:
    """Whoever adds a scenario prints the page anew."""
    assert PAGE.read_text("utf-8") == page()


def test_the_page_lists_every_scenario() -> None:
    """Each name stands in one row."""
    text = PAGE.read_text("utf-8")

    for name in catalogue.names():
        assert text.count(f"| `{name}`") == 1
