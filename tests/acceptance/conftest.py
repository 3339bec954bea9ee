"""Fixtures of the acceptance suite: the laboratory with the chosen case files in play."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from examples.carrier.sms_center import SmsCenter
from tests.acceptance.case_files import CaseFile, case_files
from tests.acceptance.laboratory import Laboratory

_OPEN = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Markers by which the laboratory knows what to play."""
    config.addinivalue_line("markers", "case_file(name): needs this file of tests/cases")
    config.addinivalue_line("markers", "all_files: needs every file of tests/cases")


def chosen_files(items: list[pytest.Item]) -> list[CaseFile]:
    """The files of the selected cases; all of them for tests that look at the whole."""
    names: set[str] = set()
    for item in items:
        if marker := item.get_closest_marker("case_file"):
            names.add(str(marker.args[0]))
        elif item.get_closest_marker("all_files"):
            names = {file.name for file in case_files()}
            break
    return [file for file in case_files() if file.name in names]


@pytest.fixture(scope="session")
def laboratory(
    request: pytest.FixtureRequest, asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Laboratory]:
    """One installation a session; every case file plays in an account of its own."""
    items = [item for item in request.session.items if item.path.parent == Path(__file__).parent]
    folder = tmp_path_factory.mktemp("laboratory")
    files = chosen_files(items)
    with ExitStack() as open_:
        center: SmsCenter | None = None
        if any(file.sms_center for file in files):
            center = open_.enter_context(SmsCenter(request.getfixturevalue("far_ends_cache")))
        made = open_.enter_context(Laboratory(asterisk_root, folder, files, center))
        request.config.stash[_OPEN] = open_
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Close the laboratory behind its last test: it is too big to stand beside the suites that follow."""
    yield
    if nextitem is None or nextitem.path.parent != item.path.parent:
        item.config.stash.get(_OPEN, ExitStack()).close()
