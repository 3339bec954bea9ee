"""Whatever a relay says, in whatever pieces: nothing raises, and each message has exactly one end."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from central.adapters.smtp.opening import Opening
from central.adapters.smtp.reasons import answered, cut, unfit
from central.adapters.smtp.session import Cut, Happening, Replied, Session, Unsent
from central.application.ports.carriers import Envelope, NotSent, NotTaken, Taken, Uncertain
from tests.unit.smtp.talking import EHLO, GREETING, PLAIN_EHLO, envelope

CODES = st.sampled_from(
    [b"220", b"235", b"250", b"251", b"334", b"354", b"421", b"450", b"503", b"535", b"550", b"552", b"554"]
)
TEXTS = st.sampled_from([b" ok", b"", b" 5.1.1 no", b" 2.0.0 queued as X", b"-more", b" \xff\x00"])
LINES = st.tuples(CODES, TEXTS).map(lambda pair: pair[0] + pair[1] + b"\r\n")
SAID = st.one_of(LINES, LINES, LINES, st.just(GREETING), st.just(EHLO), st.just(PLAIN_EHLO), st.binary(max_size=40))
ENVELOPES = st.builds(
    Envelope,
    id=st.just(envelope().id),
    sender=st.sampled_from(["", "b@x.example", "b\r\n@x"]),
    recipient=st.sampled_from(["p@x.example", "ü@x.example", "nobody"]),
    content=st.sampled_from([b"", b"a\r\n.\r\n", b"a\nb", b"\xff\r\n", b"x" * 70_000 + b"\r\n"]),
)
DEEDS = st.one_of(SAID, SAID, SAID, st.just("send"), st.just("send"), st.just("take"), st.just("all"), st.just("tls"))


def look(news: list[Happening], ends: Counter[int]) -> None:
    for one in news:
        match one:
            case Replied(told, stage, reply, in_place):
                answer = answered(stage, reply, told.tries, in_place=in_place, direct=False)
                assert isinstance(answer, Taken | NotTaken | Uncertain)
                assert not isinstance(answer, Taken) or (stage == "dot" and reply.good)
                ends[told.tries] += 1
            case Cut(told, stage, whole, detail):
                answer = cut(stage, detail, whole=whole)
                assert isinstance(answer, Uncertain if whole else NotSent)
                ends[told.tries] += 1
            case Unsent(told, reason):
                assert unfit(reason).status is not None
                ends[told.tries] += 1
            case _:
                pass


@given(
    st.sampled_from(["none", "starttls", "implicit"]),
    st.sampled_from(["", "ann"]),
    st.booleans(),
    st.lists(st.tuples(DEEDS, ENVELOPES), max_size=60),
)
def test_each_message_ends_once(tls: str, user: str, willing: bool, deeds: list[tuple[bytes | str, Envelope]]) -> None:
    session = Session(Opening("us.example", tls, user, "secret", "", clear_login=True))  # type: ignore[arg-type]
    sent, uncertain, ends = 0, 0, Counter[int]()
    if willing and tls == "none" and not user:
        session.receive(GREETING)
        session.receive(EHLO)
    for deed, one in deeds:
        news: list[Happening] = []
        if isinstance(deed, bytes):
            news = session.receive(deed)
        elif deed == "send" and session.wants():
            sent += 1
            news = session.send(
                Envelope(id=one.id, sender=one.sender, recipient=one.recipient, content=one.content, tries=sent)
            )
        elif deed == "tls" and session.state == "tls":
            news = session.encrypted()
        elif deed == "take":
            session.take()
        elif deed == "all":
            while session.take():
                pass
        look(news, ends)
    news = session.lost("the end")
    look(news, ends)
    uncertain = sum(isinstance(one, Cut) and one.whole for one in news)
    assert uncertain <= 1
    assert ends == Counter(range(1, sent + 1))
    assert session.wants() == 0
    assert session.lost("again") == []


@given(
    st.lists(st.sampled_from(["ok", "mail", "rcpt", "data", "dot"]), min_size=1, max_size=30),
    st.booleans(),
    st.integers(1, 200),
)
def test_a_lawful_relay_gets_every_message_once_in_order(plan: list[str], pipelining: bool, piece: int) -> None:
    """A model of a lawful server, fed in any pieces: what it took is exactly what was told as taken."""
    session = Session(Opening("us.example", "none"), notices=False)
    session.receive(GREETING)
    session.take()
    session.receive(EHLO if pipelining else PLAIN_EHLO)
    server, todo, told = Server(plan), list(range(len(plan))), list[tuple[int, str, int]]()
    for _ in range(40 * len(plan) + 40):
        while todo and session.wants():
            number = todo.pop(0)
            session.send(
                Envelope(
                    id=envelope().id,
                    sender="b@x.example",
                    recipient=f"p{number}@x.example",
                    content=b"x\r\n.y\r\n",
                    tries=number,
                )
            )
        sent = session.take()
        if not sent:
            break
        said = server.hear(sent)
        for at in range(0, len(said), piece):
            told += [
                (one.envelope.tries, one.stage, one.reply.code)
                for one in session.receive(said[at : at + piece])
                if isinstance(one, Replied)
            ]
    assert told == [(n, "dot" if each == "ok" else each, 250 if each == "ok" else 550) for n, each in enumerate(plan)]
    assert server.taken == [n for n, each in enumerate(plan) if each == "ok"]
    assert session.idle


class Server:
    """RFC 5321, the least of it; refuses message number n at stage plan[n]."""

    def __init__(self, plan: list[str]) -> None:
        self.plan = plan
        self.taken: list[int] = []
        self.begun = -1
        self.mail = self.rcpt = self.content = False

    def hear(self, sent: bytes) -> bytes:
        return b"".join(self.line(line) for line in sent.splitlines(keepends=True))

    def line(self, line: bytes) -> bytes:
        if self.content:
            return self.in_content(line)
        match line[:4]:
            case b"RSET":
                self.mail = self.rcpt = False
                return b"250 flushed\r\n"
            case b"MAIL":
                assert not self.mail, "nested MAIL"
                self.begun += 1
                self.mail = self.plan[self.begun] != "mail"
                return b"250 ok\r\n" if self.mail else b"550 no\r\n"
            case b"RCPT":
                assert line == b"RCPT TO:<p%d@x.example>\r\n" % self.begun
                if not self.mail:
                    return b"503 order\r\n"
                self.rcpt = self.plan[self.begun] != "rcpt"
                return b"250 ok\r\n" if self.rcpt else b"550 no\r\n"
            case _:
                assert line == b"DATA\r\n"
        if not self.rcpt:
            return b"503 order\r\n"
        if self.plan[self.begun] == "data":
            return b"550 no\r\n"
        self.content = True
        return b"354 go\r\n"

    def in_content(self, line: bytes) -> bytes:
        if line != b".\r\n":
            assert line in {b"x\r\n", b"..y\r\n"}
            return b""
        self.content = self.mail = self.rcpt = False
        if self.plan[self.begun] == "dot":
            return b"550 no\r\n"
        self.taken.append(self.begun)
        return b"250 ok\r\n"
