"""Where sidecars stand, and what they are to hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from geotagger.config import SidecarStyle
from geotagger.errors import CannotEmbedError
from geotagger.metadata.sidecar import sidecar_path, sidecar_with, sidecar_without
from geotagger.metadata.xmp.prediction import prediction_in, without_prediction
from tests.fixtures.xmps import REFUSED, SOUND, TAGS, packet


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
