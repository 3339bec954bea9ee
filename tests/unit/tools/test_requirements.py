from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from typing import Any

from tools.repository import ROOT


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def _pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


def _plain(name: str) -> str:
    return re.sub(r"[._-]+", "-", name).lower()


def _declared(*extras: str) -> set[str]:
    project = _project()
    lines: list[str] = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    named = [re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", line) for line in lines]
    plain = {_plain(name[1]) for name in named if name}
    # psycopg's extras are packages of their own: psycopg[pool] is psycopg-pool
    return plain | {_plain(f"{name[1]}-{extra}") for name in named if name and name[2] for extra in name[2].split(",")}


def test_every_dependency_is_pinned_by_hash() -> None:
    assert _declared("embedded") - {_plain(name) for name in _pins("runtime.txt")} == set()
    assert _declared("embedded", "s3") - {_plain(name) for name in _pins("dev.txt")} == set()
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text("utf-8")
        assert (
            len(re.findall(r"^[a-z0-9._-]+==[^\n]* \\\n +--hash=sha256:", text, re.MULTILINE))
            == len(_pins(lock.name))
            > 0
        )


def test_development_runs_on_the_versions_that_the_product_pins() -> None:
    runtime, development = _pins("runtime.txt"), _pins("dev.txt")
    assert {name: development.get(name) for name in runtime} == runtime


def test_python_and_package_agree_on_the_version() -> None:
    project = _project()
    assert f'__version__ = "{project["version"]}"' in (ROOT / "src/central/__init__.py").read_text("utf-8")


def test_every_library_that_the_package_imports_is_declared() -> None:
    imported: set[str] = set()
    plugin = ROOT / "src/central/pytest_plugin.py"  # loaded by pytest itself, never without it
    for path in set((ROOT / "src").rglob("*.py")) - {plugin}:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".", 1)[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".", 1)[0])
    libraries = imported - sys.stdlib_module_names - {"central"}
    makers = packages_distributions()
    declared = _declared("embedded", "s3")
    assert {name for name in libraries if not declared & {_plain(maker) for maker in makers.get(name, [])}} == set()
