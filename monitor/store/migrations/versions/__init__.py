"""Revisions in order; each states the one before it."""
