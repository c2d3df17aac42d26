"""JT/T 808 terminals that never existed: one by one for a test, ten thousand for a server.

``terminal`` is one terminal with its session, ``fleet`` drives many from the rows of a scenario, ``load`` sends fixed
positions as fast as asked. ``misbehaviour`` is what terminals do wrong, ``sent_log`` what they sent. The log-in frames
are written out in ``wire``; nothing here imports the server.
"""
