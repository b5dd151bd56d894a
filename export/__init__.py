"""Makes bundles of trained and published models. Runs from a checkout."""

import geotagger  # noqa: F401  (turns off ONNX Runtime's telemetry, before it is loaded)
