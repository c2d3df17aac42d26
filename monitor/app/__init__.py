"""Wiring, life cycle and metrics: the only place that knows the wall clock and puts the parts together."""
