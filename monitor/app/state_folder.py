"""Where a daemon keeps what it must not forget: one folder, one writer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Paths below the state folder. The journal's lock makes its holder the only writer of all of it."""

    root: Path

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    @property
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def settled(self) -> Path:
        """Settled states at the ends of days."""
        return self.root / "settled"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def frames(self) -> Path:
        """The newest reports as they were received."""
        return self.root / "frames"

    @property
    def maps(self) -> Path:
        """Map layers that came through the API."""
        return self.root / "maps"

    @property
    def terminal_key(self) -> Path:
        """The secret of JT/T 808 authentication codes. Without it every terminal has to register anew."""
        return self.root / "jt808.key"
