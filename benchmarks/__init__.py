"""Measurements beside peers. deepsport is loaded before numpy, as in the program, and says how many threads that has."""

import deepsport  # noqa: F401
