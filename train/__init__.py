"""Shards to checkpoint to figures."""
