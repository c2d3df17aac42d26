"""Text files cut into blocks of whole lines, read ahead by a thread.

Decompressing xz is the slowest step of reading a track and holds no interpreter lock, so it runs one block ahead of
the parser. A block is UTF-8: files in GB18030 are recoded, a byte order mark is taken away, and lines that end with a
lone carriage return become ordinary ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from monitor.sources.unpacking import Unpacking

BLOCK_BYTES = 4 << 20
"""Bytes per block (measured: from 2 to 8 MiB the speed is the same, 1 MiB is 10 % slower)."""
LONGEST_LINE_BYTES = 16 << 20
"""A line longer than this is cut, so that a file without line ends cannot fill the memory (a guess)."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Whole lines, in UTF-8 where the bytes allow it. ``first_line`` counts from 1.

    ``cut_line`` says that one more line began and was cut off with the compression of the file.
    """

    data: bytes
    first_line: int
    n_lines: int
    packed_bytes: int
    cut_line: bool = False


def line_blocks(unpacking: Unpacking, encoding: str) -> Iterator[LineBlock]:
    """Blocks of a file in order. ``encoding`` empty = detect UTF-8 or GB18030."""
    blocks = _Cutter(unpacking, encoding).blocks()
    with ThreadPoolExecutor(1, "read-ahead") as pool:
        ahead = pool.submit(next, blocks, None)
        while (block := ahead.result()) is not None:
            ahead = pool.submit(next, blocks, None)
            yield block


class _Cutter:
    def __init__(self, unpacking: Unpacking, encoding: str) -> None:
        self._unpacking = unpacking
        self._encoding = "" if encoding.lower().replace("_", "-") in ("", "utf-8", "utf8") else encoding
        self._detect = not encoding
        self._lone_cr = False
        self._line = 1

    def blocks(self) -> Iterator[LineBlock]:
        parts: list[bytes] = []
        size = 0
        for chunk in self._unpacking.chunks():
            if self._line == 1 and not size:
                self._lone_cr = b"\n" not in chunk and b"\r" in chunk[:-1]
            parts.append(chunk.replace(b"\r", b"\n") if self._lone_cr else chunk)
            size += len(chunk)
            if size < BLOCK_BYTES:
                continue
            data = b"".join(parts)
            end = data.rfind(b"\n") + 1
            if not end and size >= LONGEST_LINE_BYTES:
                end = size
            if end:
                yield self._block(data[:end])
            parts = [data[end:]]
            size -= end
        rest = b"".join(parts)
        end = rest.rfind(b"\n") + 1
        if self._unpacking.problem is None:
            end = len(rest)
        if rest:
            yield self._block(rest[:end], cut_line=end < len(rest))

    def _block(self, data: bytes, cut_line: bool = False) -> LineBlock:
        data = self._recoded(data.removeprefix(_BOM) if self._line == 1 else data)
        n_lines = data.count(b"\n") + (1 if data and not data.endswith(b"\n") else 0)
        block = LineBlock(data, self._line, n_lines, self._unpacking.packed_bytes, cut_line)
        self._line += n_lines
        return block

    def _recoded(self, data: bytes) -> bytes:
        if not self._encoding and self._detect and not data.isascii():
            # The first block with other than ASCII characters decides for the rest of the file.
            self._detect = False
            if not _decodes(data, "utf-8") and _mostly_gb18030(data):
                self._encoding = "gb18030"
        if not self._encoding:
            return data
        try:
            return data.decode(self._encoding).encode()
        except UnicodeDecodeError:
            # Line by line, so that bad bytes spoil only their own line.
            return b"\n".join(_line_recoded(line, self._encoding) for line in data.split(b"\n"))


def _line_recoded(line: bytes, encoding: str) -> bytes:
    try:
        return line.decode(encoding).encode()
    except UnicodeDecodeError:
        # 0xFF never occurs in UTF-8: the parser will refuse exactly this line.
        return b"\xff" + line


def _mostly_gb18030(data: bytes) -> bool:
    """Whether most lines with other than ASCII characters are GB18030 and no UTF-8.

    UTF-8 passes for GB18030 more often than not, the other way round almost never.
    """
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    gb18030 = sum(not _decodes(line, "utf-8") and _decodes(line, "gb18030") for line in lines)
    return 2 * gb18030 > len(lines)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
