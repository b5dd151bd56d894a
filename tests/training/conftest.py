"""Settings of the tests of training."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read at import; no test waits for a network
