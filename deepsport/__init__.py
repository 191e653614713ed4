"""The shared ground: records, time, catalog, media, sports and the episode. Imports none of the stages."""

import os

# Read once, when numpy is loaded. Arrays here are small: a second thread of OpenBLAS waits, by counting, longer than it works
# for them, which made speech a tenth dearer. Torch does not use OpenBLAS.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
