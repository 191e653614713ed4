"""Clips to questions and trajectories, with people."""
