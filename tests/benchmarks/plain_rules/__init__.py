"""The rules once more in plain Python: no arrays, no compilation, one report at a time.

The yardstick of ``bench_engine``, and a second opinion: it is written from the same rulebook as straight as Python
allows and must give the same alarms as the compiled engine, field by field. Live only.
"""
