"""Where position reports come from: recorded files, MQTT, JT/T 808 terminals, JT/T 809 links.

Files: ``report_files.read_reports`` turns CSV (plain, gzip, xz) and Parquet into one ``ReportBatch``;
``mapping`` describes foreign columns; ``report_writer.write_reports`` is the inverse. A bad row is counted by reason
with its place and never stops the next one; only a file of which nothing can be read raises.

May import ``monitor.rules`` and everything below it; never ``monitor.sinks`` or ``monitor.store``.
"""
