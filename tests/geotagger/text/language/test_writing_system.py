"""Scripts of letters and words."""

# ruff: noqa: RUF001

from geotagger.text.language.writing_system import script_of, script_of_letter


def test_script_of():
    assert script_of("ΑΒΓabc δεζ") == "Grek"
    assert script_of("123") == ""
    assert script_of_letter("º") == ""
