"""What holds for every test: the folder gives the kind, a kind its time limit, and no test talks to another machine.

Fixtures of one subject stand in modules of their own (``tests/database.py``) and are registered here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import hypothesis
import pytest

from central.adapters.asterisk.install import install
from central.settings import read_settings
from examples.carrier import sipp
from tests.strays import StrayCalls

pytest_plugins = ["tests.database"]

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
# Seconds for one test of each kind; @pytest.mark.timeout on a test goes before.
LIMITS_S = {
    "unit": 20,
    "cases": 20,  # of flows, tests/cases/flows; the acceptance cases beside them are data
    "property": 120,
    "contract": 60,
    "integration": 120,
    "migration": 120,
    "acceptance": 1200,  # the first one waits for the laboratory, which plays all cases at once
    "resilience": 900,
}
PURE = frozenset({"unit", "cases", "property"})  # kinds that touch no network at all, not even loopback

hypothesis.settings.register_profile("central", deadline=None, print_blob=True, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("central")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the kind its folder names, and give it that kind's time limit."""
    for item in items:
        inside = item.path.relative_to(HERE).parts if item.path.is_relative_to(HERE) else ("cases", *item.path.parts)
        kind = inside[0]
        if len(inside) < 2 or kind not in LIMITS_S:
            message = f"{item.path}: a test stands in one of tests/{{{','.join(LIMITS_S)}}}/"
            raise pytest.UsageError(message)
        item.add_marker(kind)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LIMITS_S[kind]))


_stray = StrayCalls()
sys.addaudithook(_stray.hook)


@pytest.fixture(autouse=True)
def stray_calls(request: pytest.FixtureRequest) -> Iterator[StrayCalls]:
    """Fail a test that reaches beyond loopback, or, in unit and property tests, that uses the network at all."""
    _stray.seen.clear()
    _stray.allow_loopback = not any(request.node.get_closest_marker(kind) for kind in PURE)
    yield _stray
    _stray.allow_loopback = True
    if _stray.seen:
        pytest.fail(f"stray network calls: {', '.join(_stray.seen)}")


@pytest.fixture(scope="session")
def asterisk_root() -> Path:
    """The private Asterisk root of this machine's cache folder, unpacked on first use, the same that the demo uses."""
    settings = read_settings()
    return install(settings.private_asterisk_root, settings.cache_dir / "asterisk-debs").root


@pytest.fixture(scope="session")
def far_ends_cache() -> Path:
    """Where the far ends of the message channels are kept between runs, each installed on first use."""
    return read_settings().cache_dir / "far-ends"


@pytest.fixture
def free_ports() -> Callable[[int], list[int]]:
    """Different ports of 127.0.0.1 that are free for TCP and UDP now: ``free_ports(3)``."""
    return partial(sipp.free_ports, "127.0.0.1")


@pytest.fixture
def free_port() -> int:
    """One port of 127.0.0.1 that is free for TCP and UDP now."""
    return sipp.free_ports("127.0.0.1", 1)[0]
