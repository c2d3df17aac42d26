"""Migrations of the relational store (Alembic), shipped inside the package.

One file per revision in ``versions``; ``monitor.store.schema`` runs them.
"""
