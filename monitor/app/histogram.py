"""Histograms fed by whole arrays: prometheus-client observes one value at a time, about 1 µs each."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector


class ArrayHistogram(Collector):
    """One histogram without labels. ``bounds`` are the upper ends of its buckets, rising, without infinity."""

    def __init__(self, name: str, documentation: str, bounds: tuple[float, ...]) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = np.array(bounds, np.float64)
        self._counts = np.zeros(len(bounds) + 1, np.int64)
        self._sum = 0.0
        self._mutex = threading.Lock()

    def observe(self, values: NDArray[np.float64]) -> None:
        """Count values, in the unit of the bounds. A value on a bound belongs to that bucket."""
        if not len(values):
            return
        counts = np.bincount(np.searchsorted(self._bounds, values, "left"), minlength=len(self._counts))
        with self._mutex:
            self._counts += counts
            self._sum += float(values.sum())

    def collect(self) -> Iterator[Metric]:
        with self._mutex:
            upto = np.cumsum(self._counts).tolist()
            total = self._sum
        names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        family = HistogramMetricFamily(self._name, self._documentation)
        family.add_metric([], buckets=list(zip(names, upto, strict=True)), sum_value=total)
        yield family

    def describe(self) -> Iterator[Metric]:
        yield HistogramMetricFamily(self._name, self._documentation)
