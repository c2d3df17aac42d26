"""``monitor decode``: what frames say, one JSON object per frame."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from monitor.codec.jt808.described import HEX_ONLY, NOT_HEX, describe, from_hex
from monitor.model.language import Language, language, said


class Protocol(StrEnum):
    """Protocols that have frames of their own."""

    JT808 = "808"
    JT809 = "809"


def decode_command(
    source: Annotated[
        str, typer.Argument(metavar="HEX|FILE|-", help="Frame in hex, file, or - . 十六进制报文、文件或 -")
    ],
    protocol: Annotated[Protocol | None, typer.Option(help="808 or 809. 协议")] = None,
    lang: Annotated[Language | None, typer.Option(help="zh or en")] = None,
) -> None:
    """Print one JSON object per frame. 逐帧输出 JSON。"""
    tongue = language(lang)
    if protocol is Protocol.JT809:
        _refuse(
            said(
                tongue,
                "本版本不解析 JT/T 809，请使用 --protocol 808。",
                "This version does not decode JT/T 809; it decodes 808 frames.",
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
    for frame in describe(data):
        read += frame.error is None or frame.error.reason != NOT_HEX
        typer.echo(msgspec.json.encode(frame).decode())
    if not read:
        _refuse(said(tongue, f"{source[:80]}：没有可读的报文。", f"{source[:80]}: no frame in it."), 1)


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
