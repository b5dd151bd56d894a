"""Where sidecars stand, and what they are to hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from geotagger.config import SidecarStyle
from geotagger.errors import CannotEmbedError
from geotagger.metadata.sidecar import (
    sidecar_path,
    sidecar_versions,
    sidecar_with,
    sidecar_without,
    with_sidecars,
)
from geotagger.metadata.xmp.prediction import prediction_in, without_prediction
from geotagger.types import PhotoMetadata, Point
from tests.fixtures.xmps import REFUSED, SOUND, TAGS, located, packet


def test_named_after_the_photo() -> None:
    assert sidecar_path(Path("a/b.c.jpg")) == Path("a/b.c.jpg.xmp")
    assert sidecar_path(Path("a/b.c.jpg"), SidecarStyle.ADOBE) == Path("a/b.c.xmp")
    assert sidecar_path(Path("a/none"), SidecarStyle.ADOBE) == Path("a/none.xmp")
    assert SidecarStyle("adobe") is SidecarStyle.ADOBE


@pytest.mark.parametrize("other", ["a.nef", "a.CR3", "a.JPG", "a.Jpg"])
def test_two_photos_never_share_one(tmp_path: Path, other: str) -> None:
    photo = tmp_path / "a.jpg"
    for name in ("a.jpg", "a.txt", "b.nef", other):
        (tmp_path / name).touch()
    if other in [path.name for path in tmp_path.iterdir()] and not photo.samefile(tmp_path / other):
        with pytest.raises(CannotEmbedError, match=f"{other}.*--sidecar-style darktable"):
            sidecar_path(photo, SidecarStyle.ADOBE)
    assert sidecar_path(photo) == tmp_path / "a.jpg.xmp"
    (tmp_path / other).unlink()
    photo.touch()
    assert sidecar_path(photo, SidecarStyle.ADOBE) == tmp_path / "a.xmp"


def test_the_sidecar_of_a_photo_whose_name_is_another_ones_stem(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(CannotEmbedError, match=r"also be that of a\.jpg"):
        sidecar_path(tmp_path / "a.jpg.png", SidecarStyle.ADOBE)


def test_a_new_one_holds_the_prediction_and_no_padding() -> None:
    new = sidecar_with(None, TAGS)
    assert prediction_in(new) == TAGS
    assert b"  \n" not in new
    assert sidecar_with(new, replace(TAGS, created="2031-01-01T00:00:00Z")) is new
    removal = sidecar_without(new)
    assert removal.packet is None
    assert removal.exact


def test_a_foreign_one_is_extended_and_restored() -> None:
    for there in SOUND.values():
        new = sidecar_with(there, TAGS)
        assert prediction_in(new) == TAGS
        assert sidecar_without(new)[::2] == (there, True)


@pytest.mark.parametrize(("there", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_damaged_one_is_left_alone(there: bytes, reason: str) -> None:
    with pytest.raises(CannotEmbedError, match=f"in its sidecar: .*{reason}"):
        sidecar_with(there, TAGS)
    with pytest.raises(CannotEmbedError, match=reason):
        sidecar_without(there)


@pytest.mark.parametrize("there", [b"", b"\0\0", b" \r\n"])
def test_an_empty_one_is_left_alone(there: bytes) -> None:
    with pytest.raises(CannotEmbedError, match="empty: remove it"):
        sidecar_with(there, TAGS)


def test_what_another_program_added_to_ours_stays() -> None:
    new = sidecar_with(None, TAGS).replace(
        b"<geotagger:Kind>",
        b'<xmp:Rating xmlns:xmp="http://ns.adobe.com/xap/1.0/">5</xmp:Rating><geotagger:Kind>',
    )
    removal = sidecar_without(new)
    assert removal.packet is not None
    assert not removal.exact
    assert b">5</xmp:Rating>" in removal.packet
    assert b"geotagger:" not in removal.packet
    assert without_prediction(packet()).packet == packet()


# Positions in sidecars.

PARIS, BERLIN = Point(48.5, 2.25), Point(52.5, 13.4)
IN_PARIS, IN_BERLIN = located("48,30.0N", "2,15.0E"), located("52,30.0N", "13,24.0E")
OWN = PhotoMetadata(PARIS, gps_error_km=0.01, camera="X")
OURS = PhotoMetadata(PARIS, gps_is_prediction=True)


def test_no_sidecar_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.jpg.xmp").write_bytes(IN_BERLIN)
    (tmp_path / "a.jpg.xmp").mkdir()
    assert with_sidecars(OWN, tmp_path / "a.jpg") is OWN


@pytest.mark.parametrize("name", ["a.jpg.xmp", "a.xmp"])
@pytest.mark.parametrize("photo", [PhotoMetadata(), OURS, OWN, PhotoMetadata(gps_problem="0, 0")])
def test_a_position_of_another_program_counts_before_that_of_the_photo(
    tmp_path: Path, name: str, photo: PhotoMetadata
) -> None:
    (tmp_path / name).write_bytes(IN_BERLIN)
    metadata = with_sidecars(photo, tmp_path / "a.jpg")
    assert metadata.gps == BERLIN
    assert not metadata.gps_is_prediction
    assert (metadata.gps_problem, metadata.gps_error_km) == ("", 0.0)
    assert metadata.gps_sidecar == name
    assert metadata.sidecars == sidecar_versions(tmp_path / "a.jpg")
    assert metadata.camera == photo.camera


def test_the_full_name_counts_before_the_stem(tmp_path: Path) -> None:
    (tmp_path / "a.xmp").write_bytes(IN_BERLIN)
    (tmp_path / "a.jpg.xmp").write_bytes(IN_PARIS)
    assert with_sidecars(PhotoMetadata(), tmp_path / "a.jpg").gps == PARIS
    (tmp_path / "a.jpg.xmp").write_bytes(packet())
    assert with_sidecars(PhotoMetadata(), tmp_path / "a.jpg").gps == BERLIN


def test_a_copy_of_the_position_of_the_photo_is_no_other_position(tmp_path: Path) -> None:
    (tmp_path / "a.jpg.xmp").write_bytes(located("48,30.001N", "2,14.999E"))
    metadata = with_sidecars(OWN, tmp_path / "a.jpg")
    assert (metadata.gps, metadata.gps_error_km, metadata.gps_sidecar) == (PARIS, 0.01, "")


@pytest.mark.parametrize("compat", [False, True])
def test_a_prediction_stays_a_prediction(tmp_path: Path, compat: bool) -> None:
    sidecar = tmp_path / "a.jpg.xmp"
    sidecar.write_bytes(sidecar_with(None, replace(TAGS, compat=compat)))
    assert with_sidecars(PhotoMetadata(), tmp_path / "a.jpg").gps_is_prediction
    measured = with_sidecars(OWN, tmp_path / "a.jpg")
    assert (measured.gps, measured.gps_is_prediction) == (PARIS, False)


def test_a_place_that_was_corrected_after_a_prediction_is_none(tmp_path: Path) -> None:
    """Immich writes the position with ExifTool, and keeps the rest of the sidecar."""
    photo, sidecar = tmp_path / "a.jpg", tmp_path / "a.jpg.xmp"
    sidecar.write_bytes(sidecar_with(IN_BERLIN, TAGS))
    assert with_sidecars(PhotoMetadata(), photo).gps == BERLIN
    ours = sidecar_with(None, replace(TAGS, compat=True))
    assert b"48,51.504000N" in ours
    sidecar.write_bytes(ours.replace(b"48,51.504000N", b"52,30.000000N"))
    metadata = with_sidecars(OURS, photo)
    assert (metadata.gps, metadata.gps_is_prediction) == (Point(52.5, 2.2945), False)


@pytest.mark.parametrize(
    ("content", "is_unread"),
    [
        (located("north", "east"), True),
        (located("95,30.0N", "2,15.0E"), True),
        (IN_BERLIN[:-180], True),
        (located("0,0.0N", "0,0.0E"), False),
    ],
)
def test_what_cannot_be_read_is_told_and_known(
    tmp_path: Path, content: bytes, is_unread: bool
) -> None:
    (tmp_path / "a.jpg.xmp").write_bytes(content)
    metadata = with_sidecars(PhotoMetadata(), tmp_path / "a.jpg")
    assert (metadata.gps, metadata.gps_is_unread) == (None, is_unread)
    assert metadata.gps_problem.startswith("in its sidecar a.jpg.xmp: its ")
    assert with_sidecars(OWN, tmp_path / "a.jpg").gps == PARIS
    (tmp_path / "a.xmp").write_bytes(IN_BERLIN)
    assert with_sidecars(PhotoMetadata(), tmp_path / "a.jpg").gps == BERLIN


@pytest.mark.parametrize("content", [b"", b"<not XML", bytes(40), SOUND["keywords"]])
def test_other_sidecars_hold_no_position(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg.xmp").write_bytes(content)
    metadata = with_sidecars(OWN, tmp_path / "a.jpg")
    assert replace(metadata, sidecars=()) == OWN
