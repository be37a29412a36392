"""Lines of a file in UTF-8, none longer than a limit, each with its number and the offset it ends at."""

from __future__ import annotations

from typing import BinaryIO

# In octets; also the most that one row of several lines may have. The csv module takes no field above 128 KiB.
LONGEST_ROW = 128 * 1024
_PIECE = 1024 * 1024
_SHOWN = 1000


class BadLineError(Exception):
    """A line that is no text; only inside this folder, where it becomes a bad row."""


class CsvLines:
    """An iterator of lines that can go on after an error, and go back to the end of a row's first line.

    `number` is that of the line last read, counted from 1, `end` the offset behind it.
    """

    def __init__(self, file: BinaryIO, *, offset: int = 0, number: int = 0) -> None:
        self._file = file
        self._readline = file.readline
        self.number = number
        self.end = offset
        self._row_size = 0
        self._first_number = number
        self._first_end = offset
        self._beginning = b""
        file.seek(offset)

    def __iter__(self) -> CsvLines:
        return self

    def __next__(self) -> str:
        line = self._readline(LONGEST_ROW + 1)
        if not line:
            raise StopIteration
        size = len(line)
        self.number += 1
        self.end += size
        if self._row_size:
            self._row_size += size
            if self._row_size > LONGEST_ROW:
                raise BadLineError(f"a quotation mark is opened and not closed within {LONGEST_ROW // 1024} KiB")
        else:
            self._row_size = size
            self._first_number = self.number
            self._beginning = line[:_SHOWN]
            if size > LONGEST_ROW:
                self._pass_over(line)
                raise BadLineError(f"longer than {LONGEST_ROW // 1024} KiB")
            self._first_end = self.end
        if b"\0" in line:
            raise BadLineError("there is a NUL byte in it")
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise BadLineError("not in the encoding of the file; state another one, or correct the line") from None

    @property
    def first_number(self) -> int:
        """The number of the line that the present row begins in."""
        return self._first_number

    def begin_row(self) -> None:
        """What is read next is the first line of a row."""
        self._row_size = 0

    def give_up_row(self) -> None:
        """Go on behind the first line of the present row, so that one stray quotation mark costs one line."""
        if self.end != self._first_end:
            self._file.seek(self._first_end)
            self.end = self._first_end
            self.number = self._first_number

    def first_text(self) -> str:
        """The beginning of the present row's first line, as far as it can be shown."""
        return self._beginning.decode(errors="replace").rstrip("\r\n").replace("\0", "\ufffd")

    def _pass_over(self, line: bytes) -> None:
        """Read to the end of a line that is too long, keeping nothing of it."""
        while line and not line.endswith(b"\n"):
            line = self._readline(_PIECE)
            self.end += len(line)
        self._first_end = self.end
