"""Broadcasts made here, with exact ground truth."""
