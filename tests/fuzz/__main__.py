"""Fuzz one target, guided by coverage.

    python -m tests.fuzz jt808 --seconds 600            needs atheris (pip install atheris)
    python -m tests.fuzz jt808 --seconds 600 --keep     and puts what reached new code into the corpus
    python -m tests.fuzz jt808 --write-seeds            the seeds made by our encoders, without fuzzing

Exits 1 if an input raised anything but the declared error; the input lies in the folder that is named then.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.target import CORPUS, keep, load_target, target_names


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz a codec.")
    parser.add_argument("target", choices=target_names())
    parser.add_argument("--seconds", type=int, default=60, help="how long (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="of the fuzzer's chance (default 1)")
    parser.add_argument("--keep", action="store_true", help="put inputs that reached new code into the corpus")
    parser.add_argument("--write-seeds", action="store_true", help="write the seeds into the corpus, and nothing else")
    asked = parser.parse_args()
    if asked.write_seeds:
        print(f"{keep(asked.target, load_target(asked.target).seeds())} new seeds in {CORPUS / asked.target}")
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install atheris", file=sys.stderr)
        return 2
    return fuzz(asked.target, asked.seconds, asked.seed, kept=asked.keep)


def fuzz(name: str, seconds: int, seed: int, *, kept: bool) -> int:
    """Run the fuzzer in a process of its own; 1 if it found a defect."""
    work = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    found, reached = work / "found", work / "reached"
    for folder in (found, reached):
        folder.mkdir()
    base = [sys.executable, "-m", "tests.fuzz.guided", name, f"-artifact_prefix={found}/", "-max_len=4096"]
    limits = [f"-max_total_time={seconds}", f"-seed={seed}", "-timeout=20", "-print_final_stats=1"]
    code = subprocess.run([*base, *limits, str(reached), str(CORPUS / name)], check=False).returncode
    defects = sorted(found.iterdir())
    for path in defects:
        print(f"defect: {path}: {path.read_bytes().hex()}")
    if kept and not defects:
        merged = work / "merged"
        shutil.copytree(CORPUS / name, merged)
        subprocess.run([*base, "-merge=1", str(merged), str(reached)], check=True)
        print(f"{keep(name, (path.read_bytes() for path in merged.iterdir()))} inputs are new in the corpus")
    if not defects:
        shutil.rmtree(work)
    return 1 if defects or code else 0


if __name__ == "__main__":
    raise SystemExit(main())
