"""What the operator's machines ask the core: ``/healthz``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor import __version__
from monitor.app.health import Health
from monitor.app.metrics import Metrics
from monitor.console.http_settings import may_ask


def operations_site(
    health: Health, metrics: Metrics, token: str | None, refresh: Callable[[], None] = lambda: None
) -> Starlette:
    """The ASGI application. ``refresh`` brings the gauges up to date before a scrape."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"alive": True, "version": __version__})

    async def readyz(_: Request) -> Response:
        reasons = health.unready()
        body = {"ready": not reasons, "reasons": [asdict(reason) for reason in reasons]}
        return JSONResponse(body, status_code=503 if reasons else 200)

    async def scrape(request: Request) -> Response:
        if not may_ask(request.headers.get("authorization"), token):
            return PlainTextResponse(
                "This address needs the header Authorization: Bearer <token>.\n",
                status_code=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        refresh()
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", scrape)])
