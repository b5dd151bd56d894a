"""Decoded photos, drawn and augmented views, mixing."""

import io
import pickle
from collections import Counter

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from geotagger.errors import UsageError  # noqa: E402
from geotagger.images.decode import InputSpec  # noqa: E402
from training.data.balanced_views import BalancedViews, DrawOptions, mix_views  # noqa: E402
from training.data.decoded_photos import decode_photos  # noqa: E402
from training.data.example import Example  # noqa: E402
from training.data.pixels import Augmentation, augment  # noqa: E402

PLAIN = Augmentation(min_area=1, aspect_jitter=0, colour_jitter=0, mirror=0)


def noise(width=60, height=40):
    random = np.random.default_rng(0)
    return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))


def png(picture):
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def test_decoded_photos_are_the_photos(tmp_path):
    examples = [
        Example("a", data=png(noise(60, 40)), fingerprint=1),
        Example("b", data=png(noise(30, 90)), fingerprint=2),
        Example("c", data=png(noise(10, 10)), fingerprint=3),
    ]
    file = tmp_path / "decoded.u8"
    decoded = decode_photos(examples, 20, file)
    assert [decoded.picture(row).size for row in range(3)] == [(30, 20), (20, 60), (10, 10)]
    assert np.array_equal(np.asarray(decoded.picture(2)), np.asarray(noise(10, 10)))
    written = file.stat().st_mtime_ns
    again = pickle.loads(pickle.dumps(decode_photos(examples, 20, file)))
    assert file.stat().st_mtime_ns == written
    assert np.array_equal(np.asarray(again.picture(1)), np.asarray(decoded.picture(1)))
    assert len(pickle.dumps(decoded)) < 1000  # the pixels stay in the file
    fewer = decode_photos(examples[2:], 20, file)
    assert np.array_equal(np.asarray(fewer.picture(0)), np.asarray(noise(10, 10)))


def test_a_photo_that_cannot_be_decoded_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"torn\.png"):
        decode_photos([Example("torn.png", data=b"")], 20, tmp_path / "decoded.u8")
    assert not (tmp_path / "decoded.u8").exists()


@pytest.mark.parametrize(
    "more", [{"gamma_jitter": 0.5}, {"white_balance": 0.2}, {"grey": 1}, {"coarse": 1}, {"jpeg": 1}]
)
def test_each_alteration_changes_the_view_and_no_size(more):
    options = {"min_area": 1, "aspect_jitter": 0, "colour_jitter": 0, "mirror": 0, **more}
    view = augment(noise(), np.random.default_rng(0), Augmentation(**options))
    assert (view.mode, view.size) == ("RGB", (60, 40))
    assert not np.array_equal(np.asarray(view), np.asarray(noise()))


def test_alterations_that_are_off_leave_the_views_of_old_recipes_alone():
    first = augment(noise(), np.random.default_rng(3), Augmentation())
    off = Augmentation(gamma_jitter=0, white_balance=0, grey=0, coarse=0, jpeg=0)
    assert np.array_equal(np.asarray(first), augment(noise(), np.random.default_rng(3), off))
    plain = augment(noise(), np.random.default_rng(3), PLAIN)
    assert np.array_equal(np.asarray(plain), np.asarray(noise()))


def test_grey_has_no_colours_and_white_balance_no_other_light():
    grey = np.asarray(augment(noise(), np.random.default_rng(0), Augmentation(grey=1)))
    assert (np.ptp(grey, axis=2) == 0).all()
    flat = Image.new("RGB", (8, 8), (100, 100, 100))
    options = Augmentation(1, 0, 0, 0, white_balance=0.3)
    tinted = np.asarray(augment(flat, np.random.default_rng(0), options))
    assert len(set(tinted[0, 0].tolist())) == 3


COLOURS = {"a": 0, "b": 90, "c": 200}
PLACES = [("a", "DE"), ("a", "DE"), ("b", "DE"), ("c", "FR")]


def views(weights=(1, 1, 1, 1), **options):
    examples = [Example(f"{i}", country=c, source=s) for i, (s, c) in enumerate(PLACES)]

    def picture(row):
        return Image.new("RGB", (20, 20), (COLOURS[PLACES[row][0]],) * 3)

    chosen = DrawOptions(
        **{"per_epoch": 400, "mix": 0, "augmentation": PLAIN, "seed": 0, **options}
    )
    spec = InputSpec(16, "squash", "bicubic")
    rows = np.arange(len(examples))
    return BalancedViews(picture, examples, rows, np.array(weights, float), spec, chosen)


def test_photos_are_drawn_by_their_weight():
    drawn = views(weights=(0, 1, 3, 4))
    count = Counter(drawn[position][1] for position in range(len(drawn)))
    assert len(drawn) == 400
    assert count[0] == 0
    assert count[3] == pytest.approx(200, abs=45)  # 4 standard deviations
    assert count[1] == pytest.approx(50, abs=28)


def test_a_view_depends_on_epoch_and_position_alone():
    one, two = (views(mix=0.5, augmentation=Augmentation()) for _ in range(2))
    for drawn in (one, two):
        drawn.set_epoch(3)
    assert all(torch.equal(one[i][0], two[i][0]) and one[i][1] == two[i][1] for i in range(40))
    rows = [one[i][1] for i in range(40)]
    two.set_epoch(4)
    assert [two[i][1] for i in range(40)] != rows


def test_mixing_stays_in_the_country_and_seeks_another_source():
    mixed = views(mix=1.0)
    for position in range(60):
        pixels, row = mixed[position]
        values = set(pixels.unique().tolist())
        if PLACES[row] == ("c", "FR"):
            assert values == {200}  # the only photo of its country
        else:
            assert max(values) <= 90
            assert values - {COLOURS[PLACES[row][0]]}  # something of the other source


def test_mixed_views_are_blends_or_lie_side_by_side():
    one, other = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 200, np.uint8)
    kinds = set()
    for seed in range(12):
        mixed = mix_views(one, other, np.random.default_rng(seed))
        values = np.unique(mixed)
        kinds.add(len(values))
        if len(values) == 2:
            assert (mixed == mixed[0]).all()  # every line is cut at the same place
    assert kinds == {1, 2}
    assert not one.any()
