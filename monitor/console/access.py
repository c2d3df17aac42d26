"""Who may ask the REST API, and who may command through it.

Two tokens: whoever reads, and the administrator, who may read too. Where no administrator's token is set, commands are
taken on loopback only, and only from a program or from a page of our own: a page of another site that a browser on this
machine has open must not command vehicles.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request

from monitor.console.http_settings import may_ask
from monitor.console.problem import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Access:
    """``loopback`` says that only this machine can reach the server."""

    token: str | None = None
    admin_token: str | None = None
    loopback: bool = True

    def may_read(self, request: Request) -> bool:
        given = request.headers.get("authorization")
        return may_ask(given, self.token) or (self.admin_token is not None and may_ask(given, self.admin_token))

    def is_administrator(self, request: Request) -> bool:
        """Whether commands and what only administrators see are for this request."""
        return self.objection(request) is None

    def objection(self, request: Request) -> Problem | None:
        """Why a request is not an administrator's; None if it is."""
        if self.admin_token is not None:
            given = request.headers.get("authorization")
            if may_ask(given, self.admin_token):
                return None
            if given is None:
                return Problem(401, "token_needed", "Send the header Authorization: Bearer <administrator's token>.")
            return Problem(403, "administrators_only", "This needs the administrator's token.")
        if not self.loopback:
            return Problem(
                403, "administrators_only", "This needs an administrator's token; set http.admin_token and start again."
            )
        if not _from_here(request):
            return Problem(
                403,
                "foreign_page",
                "Without an administrator's token this is for programs on this machine and for our own pages only.",
            )
        return None

    def refusal(self, request: Request) -> Problem | None:
        """Why a request that would change something is refused; None if it may go on."""
        problem = self.objection(request)
        if problem is None and request.method in _WITH_BODY and not _is_json(request):
            return Problem(415, "json_needed", "Send the header Content-Type: application/json.")
        return problem

    def who(self, request: Request) -> str:
        """``administrator``, ``reader`` or ``local``, and the address."""
        given = request.headers.get("authorization")
        if self.admin_token is not None and may_ask(given, self.admin_token):
            kind = "administrator"
        elif self.token is not None and may_ask(given, self.token):
            kind = "reader"
        else:
            kind = "local" if self.loopback else "stranger"
        return f"{kind} {request.client.host if request.client else '-'}"


def asked_by(request: Request) -> str:
    """Who sent this request, as the guard of the API found out; goes into a command's ``by``."""
    return str(getattr(request.state, "asked_by", "local -"))


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _from_here(request: Request) -> bool:
    """No browser page of elsewhere: ``Host`` is a name of this machine (against rebound names), and so is the page."""
    host = request.headers.get("host", "")
    if not _names_loopback(host):
        return False
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
