"""Named runs: one TOML file holds every choice of a run."""
