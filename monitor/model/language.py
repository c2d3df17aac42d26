"""Chinese or English at the command line: by ``--lang``, else by the locale."""

from __future__ import annotations

import os
from enum import StrEnum


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


def language(stated: Language | None) -> Language:
    """The stated language, else Chinese where the locale's messages are Chinese, else English."""
    if stated is not None:
        return stated
    named = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return Language.ZH if named.lower().startswith("zh") else Language.EN


def said(tongue: Language, zh: str, en: str) -> str:
    return zh if tongue is Language.ZH else en
