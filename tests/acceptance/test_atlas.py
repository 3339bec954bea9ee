"""The status atlas of the run: every status that this release can produce was reached through the API by a real path."""

from __future__ import annotations

import pytest

from tests.acceptance.atlas import make_atlas, missing, write
from tests.acceptance.laboratory import Laboratory, catalogue


@pytest.mark.all_files
def test_every_status_of_this_release_is_reached_by_a_case(laboratory: Laboratory) -> None:
    atlas, examples = make_atlas(catalogue(), laboratory.passed())
    write(atlas, examples)
    assert not missing(atlas)
