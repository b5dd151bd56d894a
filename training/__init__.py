"""Builds the models, with torch; run from a checkout."""

import geotagger  # noqa: F401  (turns off ONNX Runtime's telemetry, before it is loaded)
