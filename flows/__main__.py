"""``python -m flows`` is ``deepsport``."""

from flows.cli import main

if __name__ == "__main__":
    main()
