"""Which lines two texts share, in a time that no text can make long: n log n, whatever the lines.

Lines that stand once in both texts are anchors (patience differences); between two anchors, what is short is compared
line by line, and what is long counts as replaced. ``difflib`` alone takes minutes for a hostile document of 1 MiB.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher
from typing import Final

from typing_extensions import override

_SHORT: Final = 100  # lines of one stretch compared by difflib, whose worst case is cubic
_ALL: Final = 4_000  # lines of all such stretches together
_AROUND: Final = 3

Block = tuple[int, int, int]
"""First line before, first line after, number of equal lines."""


def unified(before: Sequence[str], after: Sequence[str], names: tuple[str, str]) -> Iterator[str]:
    """The lines of a unified difference, without line ends; nothing when the texts are the same."""
    if before == after:
        return
    yield f"--- {names[0]}"
    yield f"+++ {names[1]}"
    for group in _Matched(before, after).get_grouped_opcodes(_AROUND):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                yield from (f" {line}" for line in before[a1:a2])
            else:
                yield from (f"-{line}" for line in before[a1:a2])
                yield from (f"+{line}" for line in after[b1:b2])


def matching(before: Sequence[str], after: Sequence[str]) -> Iterator[Block]:
    """Blocks of equal lines in order, none empty."""
    top = 0
    while top < min(len(before), len(after)) and before[top] == after[top]:
        top += 1
    bottom = 0
    while bottom < min(len(before), len(after)) - top and before[-1 - bottom] == after[-1 - bottom]:
        bottom += 1
    if top:
        yield 0, 0, top
    yield from _between(before, after, (top, len(before) - bottom), (top, len(after) - bottom))
    if bottom:
        yield len(before) - bottom, len(after) - bottom, bottom


class _Matched(SequenceMatcher[str]):
    """difflib's grouping of changes, over our own matching."""

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        super().__init__()
        self.a, self.b = before, after

    @override
    def get_matching_blocks(self) -> list[Match]:
        blocks: list[Block] = []
        for i, j, size in matching(self.a, self.b):
            if blocks and (blocks[-1][0] + blocks[-1][2], blocks[-1][1] + blocks[-1][2]) == (i, j):
                blocks[-1] = (blocks[-1][0], blocks[-1][1], blocks[-1][2] + size)
            else:
                blocks.append((i, j, size))
        return [Match(*block) for block in (*blocks, (len(self.a), len(self.b), 0))]


def _between(before: Sequence[str], after: Sequence[str], a: tuple[int, int], b: tuple[int, int]) -> Iterator[Block]:
    i, j = a[0], b[0]
    left = _ALL
    for x, y in (*_anchors(before, after, a, b), (a[1], b[1])):
        if x < i or y < j:
            continue  # swallowed by the anchor before it
        longer = max(x - i, y - j)
        if i < x and j < y and longer <= min(_SHORT, left):
            left -= longer
            yield from _short(before, after, (i, x), (j, y))
        size = 0
        while x + size < a[1] and y + size < b[1] and before[x + size] == after[y + size]:
            size += 1
        if size:
            yield x, y, size
        i, j = x + size, y + size


def _anchors(
    before: Sequence[str], after: Sequence[str], a: tuple[int, int], b: tuple[int, int]
) -> list[tuple[int, int]]:
    """Lines that stand once in both, as many as stand in the same order: the longest increasing run of places."""
    counts, others = Counter(before[a[0] : a[1]]), Counter(after[b[0] : b[1]])
    where = {line: n for n, line in enumerate(after[b[0] : b[1]], b[0])}
    lines = enumerate(before[a[0] : a[1]], a[0])
    pairs = [(n, where[line]) for n, line in lines if counts[line] == 1 and others[line] == 1]
    places: list[int] = []  # the lowest place at which a run of this length ends, and the pair that ends it
    ends: list[int] = []
    back: list[int] = []
    for n, (_, place) in enumerate(pairs):
        at = bisect_left(places, place)
        back.append(ends[at - 1] if at else -1)
        places[at : at + 1] = [place]
        ends[at : at + 1] = [n]
    run: list[tuple[int, int]] = []
    n = ends[-1] if ends else -1
    while n >= 0:
        run.append(pairs[n])
        n = back[n]
    return run[::-1]


def _short(before: Sequence[str], after: Sequence[str], a: tuple[int, int], b: tuple[int, int]) -> Iterator[Block]:
    matcher = SequenceMatcher(None, before[a[0] : a[1]], after[b[0] : b[1]], autojunk=False)
    for block in matcher.get_matching_blocks():
        if block.size:
            yield a[0] + block.a, b[0] + block.b, block.size


def _range(start: int, end: int) -> str:
    """As ``diff -u`` writes it: a range without lines names the line before it, one of one line that line alone."""
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + 1 if length else start},{length}"
