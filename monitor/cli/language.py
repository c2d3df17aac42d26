"""The language of the command line: ``--lang``, else the locale."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.model.language import Language, language, said

__all__ = ["LangOption", "Language", "language", "said"]

LangOption = Annotated[Language | None, typer.Option("--lang", help="zh or en. 语言", show_default=False)]
