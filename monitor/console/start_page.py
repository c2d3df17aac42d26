"""A plain page that names every address: nothing is loaded from elsewhere, so it works on a closed network."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import cast

_PAGE = """<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>Monitor</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222; }}
code {{ background: #f2f2f2; padding: .1rem .3rem; }}
td {{ padding: .3rem 1rem .3rem 0; vertical-align: top; }}
td.names {{ color: #666; }}
</style></head><body>
<h1>Monitor</h1>
<p>{about} <a href="/openapi.json">openapi.json</a></p>
<table>{rows}</table>
</body></html>
"""


def start_page(document: Mapping[str, object]) -> str:
    """HTML of an OpenAPI document: each address with what it gives and the names of its parameters."""
    rows = []
    for path, operations in cast(Mapping[str, Mapping[str, Mapping[str, object]]], document["paths"]).items():
        for operation in operations.values():
            parameters = cast(list[Mapping[str, str]], operation.get("parameters", []))
            names = " ".join(item["name"] for item in parameters if item["in"] == "query")
            address = escape(path)
            link = address if "{" in path else f'<a href="{address}">{address}</a>'
            said = escape(str(operation.get("description", "")))
            rows.append(f'<tr><td><code>{link}</code></td><td>{said}</td><td class="names">{escape(names)}</td></tr>')
    about = escape(str(cast(Mapping[str, object], document["info"]).get("description", "")))
    return _PAGE.format(about=about, rows="\n".join(rows))
