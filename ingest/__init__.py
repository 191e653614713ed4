"""Broadcast to shots, transcript, clips and events."""
