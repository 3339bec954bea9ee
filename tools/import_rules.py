"""An import contract of our own: which room may import which library, and which modules of Python stay out of pure rooms.

Used by import-linter (``[tool.importlinter]`` in pyproject.toml), which knows layers but cannot say "only these". Each module
belongs to the longest room name that begins its own; a module without a room fails, so a new room must be placed first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

Import = tuple[str, str]
_EVERYWHERE = frozenset({"typing_extensions"})  # Python's own typing of later versions


def room_of(module: str, rooms: Iterable[str]) -> str | None:
    """The longest of ``rooms`` that is ``module`` or a package around it."""
    around = [room for room in rooms if module == room or module.startswith(f"{room}.")]
    return max(around, key=len, default=None)


def violations(
    imports: Iterable[Import], rooms: Mapping[str, frozenset[str]], pure: frozenset[str], impure: frozenset[str]
) -> list[str]:
    """A sentence for each import of something outside the program that its room does not allow.

    ``rooms`` maps a room to its libraries; modules of ``pure`` rooms may not import the ``impure`` modules of Python.
    """
    wrong: list[str] = []
    for importer, imported in sorted(imports):
        library = imported.split(".", 1)[0]
        room = room_of(importer, rooms)
        if room is None:
            wrong.append(f"{importer} stands in no room; place it in pyproject.toml")
        elif library in sys.stdlib_module_names:
            if library in impure and room_of(importer, pure) and library not in rooms[room]:
                wrong.append(f"{importer} imports {imported}, which pure code may not")
        elif library not in rooms[room] | _EVERYWHERE:
            wrong.append(
                f"{importer} imports {library}; {room} may import: {', '.join(sorted(rooms[room])) or 'nothing'}"
            )
    return wrong


class LibrariesContract(Contract):
    """``rooms``: lines ``room: library library``; ``pure``: rooms of pure code; ``impure``: modules they must not import."""

    type_name = "libraries"

    rooms = fields.ListField(subfield=fields.StringField())
    pure = fields.ListField(subfield=fields.StringField())
    impure = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - import-linter's
        """Compare the graph's imports of modules outside the program with the table of rooms."""
        table: dict[str, frozenset[str]] = {}
        for line in cast("list[str]", self.rooms):
            room, _, libraries = line.partition(":")
            table[room.strip()] = frozenset(libraries.split())
        own = {module for module in graph.modules if module.split(".", 1)[0] == "central"}
        found = [
            (module, imported)
            for module in own
            for imported in graph.find_modules_directly_imported_by(module)
            if imported not in own
        ]
        pure, impure = frozenset(cast("list[str]", self.pure)), frozenset(cast("list[str]", self.impure))
        wrong = violations(found, table, pure, impure)
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each violation."""
        for sentence in check.metadata["wrong"]:
            output.print_error(sentence)
