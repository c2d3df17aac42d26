"""What the REST API says when it cannot answer: JSON with a word and a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong: a stable word, and a sentence for a person."""

    status: int
    error: str
    message: str

    def response(self) -> JSONResponse:
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else None
        return JSONResponse({"error": self.error, "message": self.message}, self.status, headers)
