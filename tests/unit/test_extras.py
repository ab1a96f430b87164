"""Extras: a package that is not there is named, with how to get it."""

import json

import pytest

from airnet.errors import EXIT_UNAVAILABLE, UnsupportedError
from airnet.extras import NAMES, extra


def test_a_module_is_loaded_by_its_whole_name() -> None:
    """Also one inside a package."""
    assert extra("json.decoder", "report") is json.decoder


def test_what_is_missing_is_named_as_people_call_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The package, not the module in it; and the extra that has it."""
    monkeypatch.setitem(NAMES, "nowhere_to_be_found", "nowhere.found")
    for module, name in (
        ("nowhere_to_be_found.part", "nowhere.found"),
        ("nor_this.part.of_it", "nor_this"),
    ):
        with pytest.raises(UnsupportedError) as caught:
            extra(module, "twin")
        assert caught.value.what == f"{name} is not installed"
        assert caught.value.remedy == "pip install 'airnet[twin]'"
        assert caught.value.exit_status == EXIT_UNAVAILABLE
