"""The SMTP session of a message, against a server that misbehaves at a given step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from distributor.mail.address import Address
from distributor.mail.smtp.connect import connect
from distributor.mail.smtp.connection import DotStuffed, SmtpConnection, SmtpEnvelope, SmtpRejection, SmtpStage
from distributor.mail.smtp.reply import SmtpSessionError
from distributor.mail.smtp.url import SmtpUrl
from tests.channels.email.mailing import PATIENCE

from .smtp_servers import Answer, HalfAndHangUp, HangUp, Raw, Server, at, either

T = TypeVar("T")
CONTENT = b"Subject: hi\r\n\r\nhello\r\n"
# More than a socket takes at once.
LARGE = CONTENT + b"a line of it\r\n" * 400_000
STEPWISE = ("SIZE 1000", "8BITMIME")


def an_envelope(recipient: str = "ann@example.net", *, needs_smtputf8: bool = False) -> SmtpEnvelope:
    return SmtpEnvelope(
        sender=Address.parse("news@example.org"),
        recipient=Address.parse(recipient),
        size=len(CONTENT),
        needs_smtputf8=needs_smtputf8,
    )


def talk(server: Server, dialogue: Callable[[SmtpConnection], Awaitable[T]]) -> T:
    """Open a session with the server and hold the dialogue in it."""

    async def run() -> T:
        async with server:
            connection = await connect(SmtpUrl.parse(server.url), timeouts=PATIENCE)
            try:
                return await dialogue(connection)
            finally:
                connection.abort()

    return asyncio.run(run())


def dot_stuff(content: bytes) -> DotStuffed:
    """Double the dots that begin lines (RFC 5321 section 4.5.2)."""
    return DotStuffed((b"\r\n" + content).replace(b"\r\n.", b"\r\n..").removeprefix(b"\r\n"))


async def send_one(connection: SmtpConnection, recipient: str = "ann@example.net", content: bytes = CONTENT) -> str:
    """What becomes of one message, in words."""
    connection.send_envelope(an_envelope(recipient))
    try:
        refusal = await connection.read_envelope_replies()
        if refusal is not None:
            return f"{refusal.stage}: {refusal.reply}"
        await connection.send_message(dot_stuff(content))
    except SmtpSessionError:
        return "not sent"
    try:
        return str(await connection.read_message_reply())
    except SmtpSessionError:
        return "unknown"


@pytest.mark.parametrize("extensions", [("PIPELINING",), STEPWISE])
def test_a_message_arrives_as_it_was(extensions: tuple[str, ...]) -> None:
    server = Server(extensions=extensions)
    assert talk(server, send_one) == "250 2.0.0 taken"
    assert [taken.content for taken in server.taken] == [CONTENT]


def test_commands_go_in_one_group_where_pipelining_is_offered() -> None:
    server = Server()
    talk(server, send_one)
    assert [f"MAIL FROM:<news@example.org> SIZE={len(CONTENT)}", "RCPT TO:<ann@example.net>", "DATA"] in (
        server.sessions[0].groups
    )


def test_commands_go_one_by_one_where_it_is_not() -> None:
    server = Server(extensions=STEPWISE)
    talk(server, send_one)
    assert [group[0].split(" ")[0] for group in server.sessions[0].groups] == [
        "EHLO",
        "MAIL",
        "RCPT",
        "DATA",
        "Subject:",
    ]


def test_the_next_envelope_travels_behind_the_message() -> None:
    async def two(connection: SmtpConnection) -> list[str]:
        connection.send_envelope(an_envelope("a@example.net"))
        assert await connection.read_envelope_replies() is None
        await connection.send_message(dot_stuff(CONTENT), next_envelope=an_envelope("b@example.net"))
        first = await connection.read_message_reply()
        assert await connection.read_envelope_replies() is None
        await connection.send_message(dot_stuff(CONTENT))
        return [str(first), str(await connection.read_message_reply())]

    server = Server()
    assert talk(server, two) == ["250 2.0.0 taken"] * 2
    assert [taken.rcpt_to for taken in server.taken] == ["RCPT TO:<a@example.net>", "RCPT TO:<b@example.net>"]


def test_lines_that_begin_with_dots_arrive_as_they_were() -> None:
    content = b".\r\n..\r\nX: y\r\n\r\n.\r\n.a\r\nb.\r\n.\r\n"
    server = Server()
    talk(server, lambda connection: send_one(connection, content=content))
    assert server.taken[0].content == content


def test_a_message_of_many_chunks_arrives_whole() -> None:
    content = b"X: y\r\n\r\n" + b".0123456789\r\n" * 100_000
    server = Server()
    talk(server, lambda connection: send_one(connection, content=content))
    assert server.taken[0].content == content


def test_replies_may_come_byte_by_byte() -> None:
    assert talk(Server(bytewise=True), send_one) == "250 2.0.0 taken"


@pytest.mark.parametrize("extensions", [("PIPELINING",), STEPWISE])
@pytest.mark.parametrize(
    ("verb", "reply", "expected"),
    [
        ("MAIL", "550 5.7.1 not you", "mail: 550 5.7.1 not you"),
        ("RCPT", "550 5.1.1 nobody", "rcpt: 550 5.1.1 nobody"),
        ("RCPT", "451-4.7.1 wait\r\n451 4.7.1 a little", "rcpt: 451 4.7.1 wait a little"),
        ("DATA", "451 4.3.0 not now", "data: 451 4.3.0 not now"),
        (".", "552 5.3.4 too much", "552 5.3.4 too much"),
    ],
)
def test_after_a_refusal_the_next_message_goes_through(
    extensions: tuple[str, ...], verb: str, reply: str, expected: str
) -> None:
    async def two(connection: SmtpConnection) -> list[str]:
        return [await send_one(connection), await send_one(connection, "bob@example.net")]

    server = Server(at(verb, reply), extensions=extensions)
    assert talk(server, two) == [expected, "250 2.0.0 taken"]
    assert [taken.rcpt_to for taken in server.taken] == ["RCPT TO:<bob@example.net>"]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_server_that_takes_data_after_a_refusal_gets_a_lone_dot(verb: str) -> None:
    """RFC 2920 section 3.1 allows it the 354."""
    server = Server(either(at(verb, "550 5.1.1 no"), at("DATA", "354 go ahead all the same")))

    async def two(connection: SmtpConnection) -> list[str]:
        return [await send_one(connection), await send_one(connection, "bob@example.net")]

    assert talk(server, two) == [f"{verb.lower()}: 550 5.1.1 no", "250 2.0.0 taken"]
    assert [taken.content for taken in server.taken] == [CONTENT]
    assert server.sessions[0].groups[2] == ["."]


@pytest.mark.parametrize("extensions", [("PIPELINING",), STEPWISE])
@pytest.mark.parametrize("answer", [HangUp(), "421 4.3.2 going down", Raw(b"garbage\r\n"), HalfAndHangUp(b"250 o")])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_session_that_breaks_before_the_content_leaves_no_doubt(
    verb: str, answer: Answer, extensions: tuple[str, ...]
) -> None:
    server = Server(at(verb, answer), extensions=extensions)
    assert talk(server, send_one) == "not sent"
    assert server.taken == []


@pytest.mark.parametrize("reply", ["250 2.0.0 no need", "354-go\r\n354 ahead\r\n250 one too many"])
def test_a_server_out_of_step_is_sent_nothing(reply: str) -> None:
    server = Server(at("DATA", Raw(reply.encode() + b"\r\n")))
    assert talk(server, send_one) == "not sent"


@pytest.mark.parametrize("answer", [HangUp(), Raw(b"354 what?\r\n"), Raw(b"sure\r\n"), HalfAndHangUp(b"250 o")])
def test_a_session_that_breaks_after_the_content_leaves_doubt(answer: Answer) -> None:
    assert talk(Server(at(".", answer)), send_one) == "unknown"


def test_a_421_to_the_content_is_an_answer() -> None:
    assert talk(Server(at(".", "421 4.3.2 going down")), send_one) == "421 4.3.2 going down"


def test_a_server_that_does_not_know_rset_breaks_the_session() -> None:
    server = Server(either(at("RCPT", "550 5.1.1 nobody"), at("RSET", "502 5.5.1 what?")))

    async def two(connection: SmtpConnection) -> list[str]:
        return [await send_one(connection), await send_one(connection)]

    assert talk(server, two) == ["rcpt: 550 5.1.1 nobody", "not sent"]


def test_smtputf8_is_asked_for_only_where_it_is_needed() -> None:
    async def two(connection: SmtpConnection) -> None:
        assert connection.supports_smtputf8
        connection.send_envelope(an_envelope("jörg@example.net", needs_smtputf8=True))
        assert await connection.read_envelope_replies() is None
        await connection.send_message(dot_stuff("To: jörg@example.net\r\n\r\n".encode()))
        await connection.read_message_reply()
        await send_one(connection)

    server = Server(extensions=("SMTPUTF8", "8BITMIME"))
    talk(server, two)
    assert [command for command in server.commands if command.startswith(("MAIL", "RCPT"))] == [
        "MAIL FROM:<news@example.org> BODY=8BITMIME SMTPUTF8",
        "RCPT TO:<jörg@example.net>",
        "MAIL FROM:<news@example.org>",
        "RCPT TO:<ann@example.net>",
    ]


@pytest.mark.parametrize(
    ("extension", "limit"), [("SIZE 1000", 1000), ("SIZE", None), ("SIZE 0", None), ("SIZE lots", None), ("DSN", None)]
)
def test_the_size_a_server_takes_is_known(extension: str, limit: int | None) -> None:
    async def ask(connection: SmtpConnection) -> int | None:
        return connection.size_limit

    assert talk(Server(extensions=(extension,)), ask) == limit


def test_a_session_ends_in_peace() -> None:
    async def part(connection: SmtpConnection) -> None:
        await send_one(connection)
        await connection.quit()

    server = Server()
    talk(server, part)
    assert server.commands[-1] == "QUIT"


def test_parting_from_a_server_that_is_gone_raises_nothing() -> None:
    async def part(connection: SmtpConnection) -> None:
        await connection.quit()
        await connection.quit()

    talk(Server(at("QUIT", HangUp())), part)


def test_a_refusal_says_what_was_refused() -> None:
    async def offer(connection: SmtpConnection) -> SmtpRejection | None:
        connection.send_envelope(an_envelope())
        return await connection.read_envelope_replies()

    refusal = talk(Server(at("RCPT", "550 5.1.1 nobody")), offer)
    assert refusal is not None
    assert (refusal.stage, refusal.reply.code, refusal.reply.enhanced_status) == (SmtpStage.RCPT, 550, "5.1.1")


def test_the_end_of_a_message_is_not_written_if_the_caller_objects_right_before_it() -> None:
    async def dialogue(connection: SmtpConnection) -> None:
        connection.send_envelope(an_envelope())
        assert await connection.read_envelope_replies() is None
        with pytest.raises(RuntimeError, match="too late"):
            await connection.send_message(dot_stuff(LARGE), before_end=object_)

    def object_() -> None:
        raise RuntimeError("too late")

    server = Server()
    talk(server, dialogue)
    assert server.taken == []


def test_the_end_of_a_large_message_is_decided_about_when_the_rest_is_with_the_operating_system() -> None:
    """What waits in this process would go out whenever it runs again."""
    waiting: list[int] = []

    async def dialogue(connection: SmtpConnection) -> str:
        connection.send_envelope(an_envelope())
        assert await connection.read_envelope_replies() is None
        stream = connection._stream
        await connection.send_message(
            dot_stuff(LARGE), before_end=lambda: waiting.append(stream._transport.get_write_buffer_size())
        )
        return str(await connection.read_message_reply())

    server = Server()
    assert talk(server, dialogue) == "250 2.0.0 taken"
    assert waiting == [0]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("extensions", [("PIPELINING",), STEPWISE])
def test_a_reply_that_comes_twice_is_not_taken_for_that_of_the_next_message(
    extensions: tuple[str, ...], stage: str
) -> None:
    reply = {"DATA": "354 go ahead", ".": "550 5.1.1 no such user"}.get(stage, "250 2.1.0 fine")

    async def two(connection: SmtpConnection) -> list[str]:
        return [await send_one(connection, f"{name}@example.net") for name in "ab"]

    server = Server(at(stage, Raw(f"{reply}\r\n{reply}\r\n".encode())), extensions=extensions)
    outcomes = talk(server, two)
    sent = [f"RCPT TO:<{name}@example.net>" for name, outcome in zip("ab", outcomes, strict=True) if outcome[0] == "2"]
    assert [taken.rcpt_to for taken in server.taken if stage != "."] == sent
    assert not [outcome for outcome in outcomes[1:] if outcome.startswith(("mail:", "rcpt:", "550"))]
