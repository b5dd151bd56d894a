"""Makes bundles of trained and of published models; run from a checkout."""

import geotagger  # noqa: F401  (it forbids ONNX Runtime to report, which must be said first)
