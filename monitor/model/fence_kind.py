"""What a fence surrounds; apart from the fences, so that the pass need not load shapes."""

from __future__ import annotations

from enum import StrEnum


class FenceKind(StrEnum):
    """What a fence surrounds."""

    DEPOT = "depot"  # 停车场, 场站: where vehicles stand over night and are worked on
    LOADING = "loading"  # 装卸区: where the main switch has to be off
    UNLOADING = "unloading"  # 卸货点: where vehicles queue
    DEAD_ZONE = "dead_zone"  # 盲区: no coverage, a valley or tunnel
    RELAY = "relay"  # 接驳点: where drivers of night coaches change
    FERRY = "ferry"  # 渡口
    OTHER = "other"

    @property
    def mask(self) -> int:
        """Its bit in ``fence_kinds`` of a step."""
        return 1 << _ORDER[self]


_ORDER = {kind: order for order, kind in enumerate(FenceKind)}

QUIET_KINDS = (FenceKind.DEPOT, FenceKind.LOADING)
"""Where the main switch is meant to be off while a vehicle stands."""
QUIET_MASK = FenceKind.DEPOT.mask | FenceKind.LOADING.mask
