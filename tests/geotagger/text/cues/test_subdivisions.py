"""States, provinces and territories by their postal codes."""

from geotagger.text.cues.subdivisions import subdivisions_of


def test_every_state_is_there_with_its_postcodes():
    assert len(subdivisions_of("US")) == 51  # with the District of Columbia
    assert len(subdivisions_of("CA")) == 13
    assert len(subdivisions_of("AU")) == 8
    assert subdivisions_of("US")["OR"].name == "Oregon"
    for country in ("US", "AU"):
        for state in subdivisions_of(country).values():
            assert state.postcode_first_digits.isdigit(), state


def test_the_us_and_canada_share_no_code():
    assert not subdivisions_of("US").keys() & subdivisions_of("CA").keys()
