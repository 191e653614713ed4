"""One file a sport: its events, its rules as cited text, and its rules as code."""
