"""The bytes of an SMTP connection: lines and message content in, replies out, grouped as RFC 2920 allows."""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter

_CHUNK = 256 * 1024
_END_OF_DATA = b"\r\n.\r\n"


class LineStream:
    """One connection. Replies are buffered until all received commands are processed (RFC 2920).

    Reading raises EOFError when the client disconnects.
    """

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._received = bytearray()
        self._replies: list[bytes] = []

    def reply(self, *lines: str) -> None:
        """Buffer a reply; every line has the code, all but the last a hyphen after it."""
        self._replies += [line.encode("ascii", "replace") + b"\r\n" for line in lines]

    async def flush(self) -> None:
        """Send the buffered replies."""
        if self._replies:
            self._writer.write(b"".join(self._replies))
            self._replies.clear()
            await self._writer.drain()

    async def read_line(self, limit: int) -> bytes | None:
        """The next line without its CRLF, or None for one that was longer than `limit` bytes."""
        return await self._read_until(b"\r\n", limit)

    async def read_content(self, limit: int) -> bytes | None:
        """Message content up to the final dot, transparency undone (RFC 5321, section 4.5.2), or None if too long."""
        # The CRLF in front lets the content's first line be treated as all others, even if it is the final dot.
        self._received[:0] = b"\r\n"
        content = await self._read_until(_END_OF_DATA, limit)
        return content.replace(b"\r\n.", b"\r\n")[2:] + b"\r\n" if content else content

    async def _read_until(self, mark: bytes, limit: int) -> bytes | None:
        searched = 0
        too_long = False
        while (found := self._received.find(mark, searched)) < 0:
            keep = len(mark) - 1
            if len(self._received) > limit + keep:
                too_long = True
                del self._received[:-keep]
            searched = max(0, len(self._received) - keep)
            await self._receive()
        taken = bytes(memoryview(self._received)[:found])
        del self._received[: found + len(mark)]
        return None if too_long or len(taken) > limit else taken

    async def _receive(self) -> None:
        await self.flush()
        chunk = await self._reader.read(_CHUNK)
        if not chunk:
            raise EOFError
        self._received += chunk
