"""The bytes behind an alarm's reports: a line per frame, or all of each for ``monitor decode``."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.cli.language import Language, said
from monitor.model.evidence import Evidence, FrameForm, RawFrame

_HEAD, _TAIL = 24, 6
"""Letters of a frame that a line shows: message, length and phone, and the check."""
_FORMS = {FrameForm.JT808: "JT/T 808", FrameForm.JT809: "JT/T 809", FrameForm.JSON: "JSON"}


def frame_lines(piece: Evidence, tongue: Language, whole: bool) -> Iterator[str]:
    """Lines of a piece's frames; with ``whole`` the bytes stand on lines of their own."""
    for frame in piece.frames:
        line = _about(frame, tongue)
        shown = frame.hex or frame.text
        if whole:
            yield line
            yield f"  {shown}"
        else:
            yield f"{line}  {_short(shown)}"
    if piece.frames_gone:
        n = piece.frames_gone
        yield said(
            tongue, f"  {n} 条报告的原始报文已不再保存", f"  the bytes of {n} more reports are not kept any more"
        )


def _about(frame: RawFrame, tongue: Language) -> str:
    parts = [
        frame.fix[11:].removesuffix("+08:00"),
        said(tongue, "收到", "received") + " " + frame.received[11:].removesuffix("+08:00"),
        f"{frame.source} {_FORMS[frame.form]}",
        said(tongue, f"{frame.size} 字节", f"{frame.size} bytes"),
    ]
    if frame.truncated:
        parts.append(said(tongue, "有截断", "cut off"))
    return "  " + "  ".join(parts)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _HEAD + _TAIL + 1 else f"{line[:_HEAD]}…{line[-_TAIL:]}"
