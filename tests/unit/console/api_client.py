"""Asks an application without a server, as if from the address given."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
from starlette.types import ASGIApp


class ApiClient:
    def __init__(self, app: ASGIApp, base_url: str = "http://127.0.0.1:8080", address: str = "127.0.0.1") -> None:
        self._app = app
        self._base_url = base_url
        self._address = address

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, client=(self._address, 40_000))
            async with httpx.AsyncClient(transport=transport, base_url=self._base_url) as client:
                return await client.request(method, path, json=json, content=content, headers=headers)

        return asyncio.run(ask())

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, json: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.ask("POST", path, json=json, headers=headers)

    def put(self, path: str, json: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.ask("PUT", path, json=json, headers=headers)

    def delete(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.ask("DELETE", path, headers=headers)
