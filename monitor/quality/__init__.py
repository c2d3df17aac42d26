"""Can this report be trusted? Sets flaw bits, never drops.

Here only what a report tells by itself is judged (range Q1, fix Q3), before the journal; identity, duplicates and
drift depend on neighbours and registry and are the engine's. May import ``monitor.model`` and ``monitor.errors``.
"""

from monitor.quality.crs import Crs, to_wgs84
from monitor.quality.judgement import judge
from monitor.quality.outcomes import Outcome, OutcomeCount, count_outcomes, reasons_of
from monitor.quality.settings import QualitySettings

__all__ = ["Crs", "Outcome", "OutcomeCount", "QualitySettings", "count_outcomes", "judge", "reasons_of", "to_wgs84"]
