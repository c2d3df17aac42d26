"""Settings of the daemon's core: how much may wait, how often time passes, what is written when."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from monitor.errors import ConfigError
from monitor.model.resources import config_folder
from monitor.supervision.entry_rules import EntryRule, parse_entry_rules


class CoreSettings(BaseModel):
    """Numbers without a source are guesses that held at the measured rates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intake_queue: int = Field(default=16, ge=1, description="intakes that wait for the journal; more are not accepted")
    record_queue: int = Field(default=64, ge=1, description="journal records that wait for the engine")
    merge_messages: int = Field(default=2_000, ge=1, description="messages that share one journal record at most")
    tick_s: float = Field(default=10.0, gt=0, description="least time between two ticks where something is due")
    heartbeat_s: float = Field(default=60.0, gt=0, description="a tick at least this often, so that a pause is seen")
    pause_s: float = Field(default=300.0, gt=0, description="our own pause from here on gives grace (readings, D)")
    clock_jump_s: float = Field(
        default=600.0, gt=0, description="a clock that jumps further against the monotonic one is not followed"
    )
    stall_s: float = Field(default=30.0, gt=0, description="not ready when a record waits longer than this")
    snapshot_records: int = Field(default=5_000, ge=1, description="a snapshot after this many records")
    snapshot_s: float = Field(default=300.0, gt=0, description="or after this time")
    outbox_days: float = Field(default=7.0, gt=0, description="how long delivered pushes are kept")
    registry_poll_s: float = Field(default=10.0, gt=0, description="how often an import is looked for")
    drain_s: float = Field(default=15.0, gt=0, description="how long a shutdown may take before it is forced")


class SupervisionSettings(BaseModel):
    """Indicators, enterprise summaries and the key-supervision list of the running day and month."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every_min: float = Field(default=5.0, gt=0, description="minutes of the engine clock between two reckonings")
    least_s: float = Field(default=15.0, ge=0, description="and at least this long by the wall clock")
    entry_rules_file: Path | None = Field(default=None, description="default: the shipped supervision.toml")

    def entry_rules(self) -> tuple[EntryRule, ...]:
        """The entry rules of key supervision. Raises ``ConfigError``."""
        path = self.entry_rules_file or config_folder() / "supervision.toml"
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem = ("supervision.entry_rules_file", f"cannot be read: {error}")
            raise ConfigError(path=str(path), problems=(problem,)) from error
        return parse_entry_rules(text, str(path))
