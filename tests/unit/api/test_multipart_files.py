from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.errors import InvalidInput
from central.entrypoints.api.multipart_files import MultipartFile, header_parameter

BOUNDARY = "xx"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def form(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(
        b"--%s\r\nContent-Disposition: form-data; %s\r\nContent-Type: Text/CSV; charset=x\r\n\r\n%s\r\n"
        % (BOUNDARY.encode(), disposition.encode(), content)
        for disposition, content in parts
    )
    return body + b"--%s--\r\n" % BOUNDARY.encode()


async def pieces(body: bytes, sizes: Iterator[int]) -> AsyncIterator[bytes]:
    while body:
        size = next(sizes)
        yield body[:size]
        body = body[size:]


def endless(sizes: list[int]) -> Iterator[int]:
    while True:
        yield from sizes


async def read(body: bytes, sizes: list[int]) -> tuple[str, bytes]:
    file = MultipartFile(TYPE, pieces(body, endless(sizes)))
    await file.open()
    return file.file_name, b"".join([chunk async for chunk in file.chunks()])


hostile = st.lists(
    st.sampled_from([b"\r\n--x", b"\r\n--", b"\r", b"\n", b"-", b"\r\n\r\n", b"abc", b"\0\xff", b"\r\n--xy"]),
    max_size=30,
).map(b"".join)


@given(hostile, st.lists(st.integers(1, 9), min_size=1))
async def test_any_content_comes_out_as_it_went_in_however_it_is_cut(content: bytes, sizes: list[int]) -> None:
    body = form(('name="note"', b"hello"), ('name="file"; filename="a.csv"', content), ('name="end"', b""))
    assert await read(body, sizes) == ("a.csv", content)


@pytest.mark.parametrize("keep", [0, 10, 60, 150, -4])
async def test_a_form_that_breaks_off_is_refused(keep: int) -> None:
    body = form(('name="file"; filename="a.csv"', b"x" * 90))
    with pytest.raises(InvalidInput, match="unreadable_multipart"):
        await read(body[:keep], [7])


async def test_the_file_tells_its_name_and_type() -> None:
    file = MultipartFile(TYPE, pieces(form(("name=\"f\"; filename*=UTF-8''L%C3%ADste.csv", b"")), endless([100])))
    await file.open()
    assert (file.file_name, file.media_type) == ("Líste.csv", "text/csv")


@pytest.mark.parametrize("content_type", ["multipart/form-data", f"multipart/form-data; boundary={'b' * 71}"])
def test_a_form_without_a_lawful_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidInput, match="unreadable_multipart"):
        MultipartFile(content_type, pieces(b"", endless([1])))


def test_header_parameters() -> None:
    assert header_parameter('attachment; filename="a b.csv"', "filename") == "a b.csv"
    assert header_parameter("attachment", "filename") == ""
    assert header_parameter("", "filename") == ""
