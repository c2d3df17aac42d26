"""The compiled core: fleet state in structured rows, one pass over all active rules, time passing, snapshots.

The engine is a pure function of journal records in offset order: the same records always give the same edges, whatever
the batch size, the interleaving of vehicles or the moments of a restart. It knows no rule by name; rules are handed in.

Two answers, one code: *live* (reports in the order received, the engine clock is the running maximum of receive
times) and *settled* (everything sorted by fix time, the clock of a step is its fix time).

May import ``monitor.model`` and ``monitor.errors``.
"""
