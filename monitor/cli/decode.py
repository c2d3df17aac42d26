"""``monitor decode``: what frames say, one JSON object per frame."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from monitor.codec.jt808.described import HEX_ONLY, NOT_HEX, from_hex
from monitor.codec.jt808.described import describe as describe_808
from monitor.codec.jt809 import Cipher
from monitor.codec.jt809.described import describe as describe_809
from monitor.codec.jt809.described import is_text
from monitor.model.language import Language, language, said


class Protocol(StrEnum):
    """Protocols that have frames of their own."""

    JT808 = "808"
    JT809 = "809"


_OF_808, _OF_809 = 0x7E, 0x5B
"""Delimiters."""


def decode_command(
    source: Annotated[
        str, typer.Argument(metavar="HEX|FILE|-", help="Frame in hex, file, or - . 十六进制报文、文件或 -")
    ],
    protocol: Annotated[
        Protocol | None, typer.Option(help="808 or 809; by the first delimiter if not said. 协议，缺省按首个标识位判断")
    ] = None,
    cipher: Annotated[
        str, typer.Option(metavar="M1,IA1,IC1", help="Parameters of encrypted 809 frames. 809 加密参数")
    ] = "",
    lang: Annotated[Language | None, typer.Option(help="zh or en")] = None,
) -> None:
    """Print one JSON object per frame. 逐帧输出 JSON。"""
    tongue = language(lang)
    secret = _cipher(cipher)
    if cipher and secret is None:
        _refuse(
            said(
                tongue,
                "--cipher 应为 0 至 4294967295 之间的三个整数：M1,IA1,IC1。",
                "--cipher takes three whole numbers of 0 to 4294967295: M1,IA1,IC1.",
            ),
            2,
        )
    try:
        data = _read(source)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        _refuse(
            said(
                tongue,
                f"{source[:80]}：既不是十六进制报文，也无法作为文件读取（{reason}）。",
                f"{source[:80]}: neither a frame in hex nor a file that can be read ({reason}).",
            ),
            1,
        )
    read = 0
    frames = describe_809(data, secret) if (protocol or told_protocol(data)) is Protocol.JT809 else describe_808(data)
    for frame in frames:
        read += frame.error is None or frame.error.reason != NOT_HEX
        typer.echo(msgspec.json.encode(frame).decode())
    if not read:
        _refuse(said(tongue, f"{source[:80]}：没有可读的报文。", f"{source[:80]}: no frame in it."), 1)


def told_protocol(data: bytes) -> Protocol:
    """The protocol of raw frames or lines of hex: by the first delimiter, 7E or 5B."""
    pieces = [data]
    if is_text(data) and b"\x7e" not in data:
        lines = (line.strip() for line in data.decode("ascii").splitlines())
        pieces = [from_hex(line) or b"" for line in lines if line and not line.startswith("#")]
    for piece in pieces:
        for byte in piece:
            if byte == _OF_808:
                return Protocol.JT808
            if byte == _OF_809:
                return Protocol.JT809
    return Protocol.JT808


def _cipher(text: str) -> Cipher | None:
    """None if the text is not three numbers of 32 bits."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    numbers = [int(part) for part in parts]
    return None if max(numbers) > 0xFFFF_FFFF else Cipher(*numbers)


def _read(source: str) -> bytes:
    """Bytes of the argument: hex becomes the frame itself, else the contents of a file or of standard input."""
    if source == "-":
        return sys.stdin.buffer.read()
    if HEX_ONLY.fullmatch(source) and not _is_file(source) and from_hex(source) is not None:
        # As one line of text, so that hex and a file of hex take the same way.
        return " ".join(source.split()).encode()
    return Path(source).read_bytes()


def _is_file(source: str) -> bool:
    try:
        return Path(source).is_file()
    except (OSError, ValueError):
        return False


def _refuse(sentence: str, code: int) -> NoReturn:
    typer.secho(sentence, fg="red", err=True)
    raise typer.Exit(code)
