"""The line that a run prints for one photo."""

from geotagger.pipeline.progress import _line
from geotagger.reports.rows import row
from tests.fixtures.samples import PARIS, taken


def test_a_large_radius_is_easy_to_read():
    cells = {**row(taken("a.jpg", PARIS)), "radius_km": 11224.8}
    assert _line(cells).endswith("0.80 within 11,225 km")
