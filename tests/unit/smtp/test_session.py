from __future__ import annotations

import pytest

from central.adapters.smtp.opening import Stage
from central.adapters.smtp.replies import Reply
from central.adapters.smtp.session import Cut, Ended, Happening, Replied, Unsent
from tests.unit.smtp.talking import CONTENT, EHLO, PLAIN_EHLO, envelope, opened, written

MAIL = b"MAIL FROM:<b+1-2@bounce.example> SIZE=25\r\n"
RCPT = b"RCPT TO:<person@example.com>\r\n"
GROUP = MAIL + RCPT + b"DATA\r\n"
BODY = CONTENT + b".\r\n"
PLAIN = b"MAIL FROM:<b+1-2@bounce.example>\r\n"


def test_a_message_is_one_round_trip_and_the_next_rides_along() -> None:
    session = opened()
    assert session.wants() == 2
    assert session.send(envelope(1)) == []
    assert session.send(envelope(2)) == []
    assert session.wants() == 0
    assert written(session) == GROUP
    assert session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n") == []
    assert written(session) == BODY + GROUP
    news = session.receive(b"250 2.0.0 Ok: queued as 4F\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    assert news == [Replied(envelope(1), "dot", Reply(250, ("2.0.0 Ok: queued as 4F",)), True)]
    assert written(session) == BODY
    assert session.wants() == 1
    session.send(envelope(3))
    assert written(session) == GROUP  # behind a content whose reply has not come
    news = session.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    assert [one.envelope.id for one in news if isinstance(one, Replied)] == [envelope(2).id]


def test_without_pipelining_each_command_waits() -> None:
    session = opened(ehlo=PLAIN_EHLO)
    assert session.wants() == 1
    session.send(envelope(1))
    seen = [written(session)]
    for said in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        assert session.receive(said) == []
        seen.append(written(session))
    assert seen == [PLAIN, RCPT, b"DATA\r\n", BODY]
    [told] = session.receive(b"250 ok\r\n")
    assert isinstance(told, Replied)
    assert session.idle


def test_pipelining_can_be_switched_off() -> None:
    session = opened(pipelining=False)
    session.send(envelope(1))
    assert written(session) == MAIL


@pytest.mark.parametrize("ehlo", [EHLO, PLAIN_EHLO])
@pytest.mark.parametrize("code", [b"450", b"452", b"550", b"554"])
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_a_refusal_at_any_stage_is_told_and_the_next_message_goes(ehlo: bytes, code: bytes, stage: Stage) -> None:
    session = opened(ehlo=ehlo)
    session.send(envelope(1))
    refusal = code + b" x\r\n"
    told: list[Happening] = []
    rest = {"mail": b"503 bad\r\n503 bad\r\n", "rcpt": b"554 no recipients\r\n"}.get(stage, b"")
    for each in ("mail", "rcpt", "data", "dot"):
        written(session)
        told += session.receive(refusal if each == stage else (b"354 go\r\n" if each == "data" else b"250 ok\r\n"))
        if told:
            break
    if ehlo == EHLO:
        told += session.receive(rest)
    assert told == [Replied(envelope(1), stage, Reply(int(code), ("x",)), True)]
    session.send(envelope(2))
    sent = written(session)
    if stage in {"rcpt", "data"}:  # the relay still holds the transaction
        assert sent.startswith(b"RSET\r\n")
        session.receive(b"250 flushed\r\n")
        sent += written(session)
    assert b"MAIL FROM" in sent
    for said in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        assert session.receive(said) == []
        written(session)
    [last] = session.receive(b"250 ok\r\n")
    assert isinstance(last, Replied)
    assert last.envelope.id == envelope(2).id


def test_a_lone_dot_ends_data_without_recipients() -> None:
    session = opened()
    session.send(envelope(1))
    session.send(envelope(2))
    written(session)
    [told] = session.receive(b"250 ok\r\n550 5.1.1 no\r\n354 go\r\n")
    assert isinstance(told, Replied)
    assert told.stage == "rcpt"
    assert written(session) == b".\r\n" + GROUP
    assert session.receive(b"554 no valid recipients\r\n250 ok\r\n250 ok\r\n354 go\r\n") == []
    assert written(session) == BODY


def test_refusals_in_the_middle_of_a_batch_touch_nobody_else() -> None:
    session = opened()
    told: list[tuple[object, str, int]] = []
    refused = {3, 4, 7}
    todo = list(range(1, 10))
    turn = b""
    while todo or session.wants() < 2:
        while todo and session.wants():
            session.send(envelope(todo.pop(0), to=f"p{9 - len(todo)}@example.com"))
        turn = written(session)
        answers: list[bytes] = []
        for line in turn.splitlines(keepends=True):
            if line.startswith(b"RCPT"):
                bad = int(line[10:11]) in refused
                answers.append(b"550 5.1.1 no\r\n" if bad else b"250 ok\r\n")
            elif line.startswith((b"MAIL", b"RSET")) or line == b".\r\n":
                answers.append(b"250 ok\r\n")
            elif line == b"DATA\r\n":
                answers.append(b"554 none\r\n" if answers[-1].startswith(b"550") else b"354 go\r\n")
        for one in session.receive(b"".join(answers)):
            assert isinstance(one, Replied)
            told.append((one.envelope.id, one.stage, one.reply.code))
    assert told == [
        (envelope(n).id, "rcpt", 550) if n in refused else (envelope(n).id, "dot", 250) for n in range(1, 10)
    ]


def test_only_a_message_whose_dot_was_written_is_uncertain() -> None:
    session = opened()
    session.send(envelope(1))
    session.send(envelope(2))
    written(session)
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    written(session)
    news = session.lost("reset")
    assert news == [
        Cut(envelope(1), "dot", whole=True, detail="reset"),
        Cut(envelope(2), "mail", whole=False, detail="reset"),
        Ended("reset"),
    ]


def test_a_dot_that_never_left_is_known_not_to_have_left() -> None:
    session = opened()
    large = envelope(1, content=b"Subject: x\r\n\r\n" + b"a\r\n" * 60_000)
    session.send(large)
    written(session)
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    first = session.take()
    assert len(first) == 64 * 1024
    [told, _] = session.lost("reset")
    assert told == Cut(large, "dot", whole=False, detail="reset")


FITS = {"mail": b"250", "rcpt": b"250", "data": b"354", "dot": b"250"}
WRONG = [b"421 4.3.2 shutting down\r\n", b"hello?\r\n", b"354 go\r\n", b"250 ok\r\n"]


@pytest.mark.parametrize(("at", "said"), [(at, said) for at in FITS for said in WRONG if not said.startswith(FITS[at])])
def test_words_out_of_place_and_421_end_the_connection(at: str, said: bytes) -> None:
    stages = list(FITS)
    session = opened()
    session.send(envelope(1))
    session.send(envelope(2))
    written(session)
    for stage in stages[: stages.index(at)]:
        session.receive(FITS[stage] + b" ok\r\n")
        written(session)
    news = session.receive(said)
    [first, second, end] = news
    assert isinstance(first, Replied)
    assert (first.stage, first.in_place) == (at, said.startswith(b"421"))
    assert isinstance(second, Cut)
    assert not second.whole
    assert isinstance(end, Ended)
    assert session.state == "closed"
    assert session.receive(b"250 ok\r\n") == []


def test_a_354_after_mail_was_refused_is_not_answered_with_a_dot() -> None:
    session = opened()
    session.send(envelope(1))
    written(session)
    news = session.receive(b"550 5.1.8 no\r\n250 ok\r\n354 go\r\n")
    assert [type(one) for one in news] == [Replied, Ended]
    assert written(session) == b""


def test_a_word_that_nobody_asked_for_ends_an_idle_connection() -> None:
    session = opened()
    [end] = session.receive(b"421 idle too long\r\n")
    assert end == Ended("unasked: idle too long")
    assert session.wants() == 0


def test_good_bye() -> None:
    session = opened()
    session.quit()
    assert session.wants() == 0
    assert written(session) == b"QUIT\r\n"
    assert session.receive(b"221 bye\r\n") == [Ended("bye")]


@pytest.mark.parametrize("content", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n\n.\r\nMAIL FROM:<x@y>\r\n", b"a\r\r\nb\r\n"])
def test_bare_line_ends_are_never_sent(content: bytes) -> None:
    session = opened()
    assert session.send(envelope(1, content=content)) == [Unsent(envelope(1, content=content), "bare_line_end")]
    assert written(session) == b""


@pytest.mark.parametrize(
    "to",
    ["", "nobody", "a@b\r\nRCPT TO:<c@d>", "a b@c.de", "<a@b.de>", "a@b@c", 'x"@b.de', "a\0@b.de", "é" * 130 + "@b.de"],
)
def test_addresses_that_would_break_out_are_never_sent(to: str) -> None:
    session = opened()
    [unsent] = session.send(envelope(1, to=to))
    assert isinstance(unsent, Unsent)
    assert unsent.reason == "bad_recipient"
    [unsent] = session.send(envelope(1, sender=to or "x"))
    assert isinstance(unsent, Unsent)
    assert unsent.reason == "bad_sender"


def test_dots_are_doubled_and_the_last_line_ends() -> None:
    session = opened()
    session.send(envelope(1, content=b".a\r\n.\r\n..b\r\nc."))
    written(session)
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert written(session) == b"..a\r\n..\r\n...b\r\nc.\r\n.\r\n"


def test_parameters_are_sent_where_they_are_offered() -> None:
    session = opened(ehlo=EHLO[:-2].replace(b"250 SMTPUTF8", b"250-SMTPUTF8") + b"\r\n250 DSN\r\n", notices=True)
    session.send(envelope(1, to="a+b=c@example.com"))
    assert written(session) == (
        b"MAIL FROM:<b+1-2@bounce.example> SIZE=25 RET=HDRS ENVID=" + envelope(1).id.hex.encode() + b"\r\n"
        b"RCPT TO:<a+b=c@example.com> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@example.com\r\nDATA\r\n"
    )
    session = opened(ehlo=EHLO)
    session.send(envelope(1, to="jürgen@exämple.com", content="ä\r\n".encode()))
    assert written(session).startswith(
        "MAIL FROM:<b+1-2@bounce.example> SIZE=4 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<jürgen@exämple.com>\r\n".encode()
    )


def test_a_notice_of_our_own_asks_for_none() -> None:
    session = opened(ehlo=b"250-mx\r\n250 DSN\r\n", notices=True)
    session.send(envelope(1, sender=""))
    assert written(session) == b"MAIL FROM:<>\r\n"


def test_what_a_relay_cannot_is_not_tried() -> None:
    session = opened(ehlo=b"250-mx\r\n250 SIZE 10\r\n")
    for one, reason in (
        (envelope(1), "too_large"),
        (envelope(1, to="ü@b.de", content=b""), "relay_lacks_smtputf8"),
        (envelope(1, content=b"\xc3\xa4"), "relay_lacks_8bitmime"),
    ):
        assert session.send(one) == [Unsent(one, reason)]
