"""Fixtures of this folder: each starts a real server on a free loopback port in a temporary folder."""

from tests.integration.brokers import mosquitto, webhook_receiver
from tests.integration.postgres import database, empty_store_url, postgres_url, store_url

__all__ = [
    "database",
    "empty_store_url",
    "mosquitto",
    "postgres_url",
    "store_url",
    "webhook_receiver",
]
