"""Metrics: few series, known labels, and a scrape that reads."""

from __future__ import annotations

from collections import Counter

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from monitor.app.histogram import ArrayHistogram
from monitor.app.metrics import Metrics
from monitor.rules import load_rules

_FORBIDDEN = {"vehicle", "vehicle_id", "plate", "enterprise", "enterprise_id", "terminal", "driver", "alarm_id"}


def _metrics() -> Metrics:
    return Metrics(["main", "county"], ["desk", "bureau"], [rule.name for rule in load_rules()])


def _samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def test_a_scrape_reads_and_stays_small() -> None:
    families = list(text_string_to_metric_families(_metrics().exposition().decode()))
    samples = [sample for family in families for sample in family.samples]
    assert 100 < len(samples) < 1_100
    assert all(family.documentation for family in families)


def test_no_label_names_a_vehicle_or_an_enterprise() -> None:
    for family in text_string_to_metric_families(_metrics().exposition().decode()):
        for sample in family.samples:
            assert not _FORBIDDEN & set(sample.labels), sample


def test_every_label_is_there_before_anything_happens() -> None:
    seen = _samples(_metrics())
    assert seen["vdm_alarms_total", "serious", "speeding", "withdrawn"] == 0
    assert seen["vdm_reports_rejected_total", "bad_checksum"] == 0
    assert seen["vdm_deliveries_total", "failed", "bureau"] == 0


def test_an_unknown_reason_counts_under_other() -> None:
    metrics = _metrics()
    metrics.count_rejects(Counter({"bad_checksum": 2, "a sentence with a plate 测A00001": 3, "part": 1}))
    seen = _samples(metrics)
    assert seen["vdm_reports_rejected_total", "bad_checksum"] == 2
    assert seen["vdm_reports_rejected_total", "other"] == 3
    assert seen["vdm_frames_remarked_total", "part"] == 1


def test_a_delivery_total_counts_once() -> None:
    metrics = _metrics()
    metrics.show_delivered("desk", "delivered", 5)
    metrics.show_delivered("desk", "delivered", 7)
    assert _samples(metrics)["vdm_deliveries_total", "delivered", "desk"] == 7


def test_a_value_on_a_bound_belongs_to_its_bucket() -> None:
    histogram = ArrayHistogram("vdm_x_seconds", "x", (1.0, 10.0))
    histogram.observe(np.array([0.5, 1.0, 1.5, 10.0, 99.0]))
    histogram.observe(np.zeros(0))
    (family,) = histogram.collect()
    assert {sample.labels.get("le", sample.name): sample.value for sample in family.samples} == {
        "1": 2,
        "10": 4,
        "+Inf": 5,
        "vdm_x_seconds_count": 5,
        "vdm_x_seconds_sum": 112.0,
    }
