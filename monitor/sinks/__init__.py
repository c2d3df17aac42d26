"""Where pushes go: MQTT topics, webhooks and Redis streams, each with a delivery worker and a cursor of its own.

Guarantees: messages of one sink go out in the order committed; each is delivered at least once, with the same
idempotency key every time; a receiver that is down holds up nobody but itself; one that refuses a message for good
loses that message only, and the refusal is on record.

May import ``monitor.rules`` and everything below it; never ``monitor.sources`` or ``monitor.store``.
"""
