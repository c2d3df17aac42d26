"""Dynamic-monitoring alarm processor for key operating vehicles (重点营运车辆动态监控).

Position reports of coaches, hazmat vehicles and heavy trucks go in; alarms, enterprise summaries and
the key-supervision list come out. The packages are the pipeline; ``docs/architecture.md`` draws it.
"""

__version__ = "0.1.0"
