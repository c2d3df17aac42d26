"""What the two commands set the project up from: the lock and the list of packages."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_lock_pins_every_dependency_with_hashes_and_names_no_host() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    requirements = re.findall(r"^([a-zA-Z0-9._-]+(?:\[[a-z,]+\])?==\S+)[^\n]*\\\n((?:    --hash=\S+.*\n)+)", text, re.M)
    named = re.findall(r"^[a-zA-Z0-9]", text, re.M)
    assert len(requirements) == len(named) > 50
    assert "://" not in text
    assert "--index-url" not in text


def test_the_package_list_names_a_package_and_its_program_on_each_line() -> None:
    lines = (ROOT / "deploy" / "packages.txt").read_text(encoding="utf-8").splitlines()
    stated = [line.split() for line in lines if line and not line.startswith("#")]
    assert stated
    assert all(len(words) == 2 for words in stated)


def test_missing_servers_are_named_with_the_command_that_installs_them(tmp_path: Path) -> None:
    deploy = tmp_path / "deploy"
    deploy.mkdir()
    (deploy / "bootstrap.sh").write_bytes((ROOT / "deploy" / "bootstrap.sh").read_bytes())
    (deploy / "packages.txt").write_text("# why\nsome-server  some-server-program\n\ncoreutils  ls\n", encoding="utf-8")
    script = "id() { echo 1000; }; export -f id; exec bash deploy/bootstrap.sh servers"
    answer = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "apt-get install --no-install-recommends some-server\n" in answer.stderr
    assert "coreutils" not in answer.stderr


@pytest.mark.parametrize("argument", ["", "everything"])
def test_the_bootstrap_says_how_it_is_used(argument: str) -> None:
    command = ["bash", str(ROOT / "deploy" / "bootstrap.sh"), argument]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (1, "usage: bootstrap.sh environment|servers\n")
