"""Fixtures of this folder: each starts a real server on a free loopback port in a temporary folder."""

from tests.integration.brokers import mosquitto, webhook_receiver
from tests.integration.postgres import (
    database,
    empty_postgres_url,
    empty_store_url,
    postgres_template,
    postgres_url,
    sqlite_template,
    store_url,
)
from tests.integration.redis_server import redis_client, redis_server

__all__ = [
    "database",
    "empty_postgres_url",
    "empty_store_url",
    "mosquitto",
    "postgres_template",
    "postgres_url",
    "redis_client",
    "redis_server",
    "sqlite_template",
    "store_url",
    "webhook_receiver",
]
