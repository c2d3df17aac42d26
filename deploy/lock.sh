#!/usr/bin/env bash
# Writes requirements.lock anew from pyproject.toml: pinned, with hashes, for every platform, naming no host.
# uv does it, from PATH or else from a temporary environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    deploy/bootstrap.sh environment
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    .venv/bin/python -m venv "$folder"
    "$folder/bin/python" -m pip install -qq --disable-pip-version-check uv
    uv=$folder/bin/uv
fi
"$uv" pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --extra test \
    pyproject.toml -o requirements.lock
