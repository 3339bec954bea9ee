from __future__ import annotations

from dataclasses import replace

import pytest

from central.domain.prompts import LANGUAGE, PROMPT_NAME, HeldPrompt, preferred_language, snapshot_hash


@pytest.mark.parametrize("name", ["welcome", "1", "_a", "jingles/one", "a.b-c_d/e.f", "a" * 128])
def test_a_name_is_words_between_slashes(name: str) -> None:
    assert PROMPT_NAME.fullmatch(name)


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/", "a//b", "../a", "a/../b", "a..b", ".a", "a/.b", "-a", "a b", "silence:1", "a\n", "é", "a" * 129],
)
def test_a_name_plays_no_tricks_with_paths(name: str) -> None:
    assert not PROMPT_NAME.fullmatch(name)


@pytest.mark.parametrize(("tag", "lawful"), [("", True), ("hi", True), ("pt-br", True), ("zh-hant-tw", True),
                                             ("pt-BR", False), ("english", False), ("en_gb", False), ("en\n", False)])  # fmt: skip
def test_a_language_is_a_tag_in_lower_case(tag: str, lawful: bool) -> None:
    assert bool(LANGUAGE.fullmatch(tag)) is lawful


@pytest.mark.parametrize(
    ("available", "wanted", "heard"),
    [
        (("", "pt", "pt-br"), "pt-BR", "pt-br"),
        (("", "pt"), "pt-BR", "pt"),
        (("", "pt-pt"), "pt-BR", ""),
        (("pt-pt",), "pt-BR", None),
        (("hi",), "", None),
        (("",), "", ""),
        ((), "hi", None),
    ],
)
def test_the_nearest_recording_is_heard(available: tuple[str, ...], wanted: str, heard: str | None) -> None:
    assert preferred_language(available, wanted) == heard


def test_a_snapshot_is_another_one_when_it_plays_something_else() -> None:
    one, two = HeldPrompt("a", "en", "0" * 64, 1.0), HeldPrompt("b", "", "1" * 64, 1.0)
    seen = [
        snapshot_hash("d", held)
        for held in ([], [one], [two], [one, two], [replace(one, language="hi")], [replace(one, sha256="2" * 64)])
    ]
    assert seen[0] == "d"  # a document that plays none is known by its own hash
    assert len(set(seen)) == len(seen)
    assert snapshot_hash("d", [two, one]) == snapshot_hash("d", [one, two])
