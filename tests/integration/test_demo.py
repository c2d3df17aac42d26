"""The demo on embedded parts: alarms appear, both interfaces answer, and Ctrl-C ends it cleanly."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def test_the_demo_shows_alarms_and_answers(tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from monitor.cli import main; main()"]
    command = [*program, "demo", "--no-view", "--seconds", "240", "--lang", "en"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path) as demo:
        assert demo.stdout is not None
        lines: list[str] = []
        answers: list[int] = []
        for line in demo.stdout:
            lines.append(line)
            if "km/h" in line and not answers:
                text = "".join(lines)
                api = re.search(r"http://127\.0\.0\.1:\d+/api/v1/alarms", text)
                metrics = re.search(r"http://127\.0\.0\.1:\d+/metrics", text)
                assert api is not None
                assert metrics is not None
                answers.append(json.loads(_get(api[0]))["total"])
                answers.append(_get(metrics[0]).count(b"vdm_"))
                demo.send_signal(signal.SIGINT)
    assert demo.returncode == 0, "".join(lines)
    assert answers
    assert answers[0] > 0
    assert answers[1] > 50


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body
