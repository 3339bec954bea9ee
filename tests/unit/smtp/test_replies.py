from __future__ import annotations

import pytest

from central.adapters.smtp.replies import LIMIT_LINE_BYTES, LIMIT_LINES, Reply, ReplyReader


def read(*pieces: bytes) -> list[Reply]:
    reader = ReplyReader()
    return [reply for piece in pieces for reply in reader.feed(piece)]


def test_a_reply_of_several_lines_is_one() -> None:
    [reply] = read(b"250-mx.example\r\n250-SIZE 100\r\n250 DSN\r\n")
    assert reply == Reply(250, ("mx.example", "SIZE 100", "DSN"))
    assert reply.good


def test_replies_may_come_in_any_pieces() -> None:
    whole = b"250 2.1.0 Ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n"
    assert read(*(whole[i : i + 1] for i in range(len(whole)))) == read(whole)


def test_a_code_alone_and_bare_line_feeds_are_read() -> None:
    assert read(b"354\n250 \n") == [Reply(354, ("",)), Reply(250, ("",))]


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"199 ok\r\n",
        b"600 ok\r\n",
        b"\x16\x03\x01\n",
        b"x" * 5000,
    ],
)
def test_what_is_no_reply_spoils_the_rest(data: bytes) -> None:
    replies = read(data, b"250 Ok\r\n")
    assert [reply.code for reply in replies] == [0]
    assert not replies[0].shown()


def test_lines_and_their_number_are_bounded() -> None:
    assert read(b"250 " + b"a" * LIMIT_LINE_BYTES + b"\r\n")[0].code == 0
    assert read(b"250-a\r\n" * LIMIT_LINES + b"250 a\r\n")[-1].code == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"550 5.1.1 User unknown", "550 5.1.1"),
        (b"550 no such person 5.1.1", "550"),
        (b"550 2.1.1 another class", "550"),
        (b"550 5.1.1.1 an address", "550"),
        (b"250 2.0.0", "250 2.0.0"),
        (b"421 4.7.28 slow", "421 4.7.28"),
    ],
)
def test_enhanced_codes_stand_at_the_beginning(text: bytes, shown: str) -> None:
    assert read(text + b"\r\n")[0].shown() == shown


def test_text_for_people_has_no_controls_and_an_end() -> None:
    [reply] = read(b"550 a\x00b\x1b[31m\xff" + b"c" * 2000 + b"\r\n")
    assert reply.text.startswith("a b [31m\ufffdccc")
    assert len(reply.text) == 1000
