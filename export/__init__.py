"""Lessons to shards and reports."""
