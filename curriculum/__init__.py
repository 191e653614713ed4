"""Questions to lessons: measured, split, ordered."""
