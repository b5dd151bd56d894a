"""The lines that `geotagger report` prints."""

from geotagger.cli.report import _line
from geotagger.reports.rows import row
from tests.fixtures.samples import PARIS, taken


def test_a_radius_below_a_kilometre_is_in_metres_and_a_name_is_said_once():
    cells = {**row(taken("a.jpg", PARIS)), "region": "Paris", "city": "Paris"}
    lines = [_line({**cells, "radius_km": radius_km}) for radius_km in (0.03, 1.4, 1234.0)]
    assert [line.partition("  a.jpg")[0].split()[-2:] for line in lines] == [
        ["30", "m"],
        ["1", "km"],
        ["1,234", "km"],
    ]
    assert lines[0].endswith("a.jpg: Paris, France")
