"""Photos with known place: every kind of table and folder, pairing by name, what is broken."""

import csv
import json
import math

import numpy as np
import piexif
import pytest
from click.testing import CliRunner
from PIL import Image

from geotagger.errors import UsageError
from training.data import __main__ as data
from training.data.balance import balance_weights, describe_balance, effective_number
from training.data.dataset import fill_place_names, read_photos, require_country, require_fields
from training.data.example import Example
from training.data.left_out import LeftOut, describe_left_out
from training.data.summary import world_map

FIELDS = ("file", "lat", "lon", "country", "region", "city", "continent", "label")


def picture(seed=0, size=(32, 24)):
    """Smooth noise, so that a smaller copy looks alike."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def write_table(folder, rows, pictures=(), name="labels.csv"):
    for seed, file in enumerate(pictures):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        picture(seed).save(folder / file)
    with (folder / name).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder / name


def row(file, **changes):
    plain = {
        "file": file,
        "lat": 52.5,
        "lon": 13.4,
        "country": "DE",
        "source": "a",
        "rights": "own",
    }
    return plain | changes


def test_rows_and_images_pair_by_name_and_what_is_broken_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    picture(9, (400, 300)).save(tmp_path / "half.jpg")
    whole = (tmp_path / "half.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    rows = [
        row("b.png", lat=1.0),
        row("a.png", lat=2.0),
        row("broken.png"),
        row("half.jpg"),
        row("missing.png"),
        row("far.png", lat=91),
        row("word.png", lon="east"),
        row("half.png", lon=""),
        row("sold.png", rights="agency"),
        row("a.png"),
    ]
    names = ("a.png", "b.png", "far.png", "word.png", "half.png", "sold.png")
    write_table(tmp_path, rows, names)
    examples, problems = read_photos(tmp_path, exclude_rights=["agency"])
    assert [(e.file, e.lat, e.path.name) for e in examples] == [
        ("b.png", 1.0, "b.png"),
        ("a.png", 2.0, "a.png"),
    ]
    assert {problem.file for problem in problems} == {
        "broken.png", "half.jpg", "missing.png", "far.png", "word.png", "half.png", "a.png",
    }  # fmt: skip
    assert any("listed twice" in problem.reason for problem in problems)
    assert any("truncated" in problem.reason for problem in problems)


def test_a_shuffled_table_gives_every_image_its_own_label(tmp_path):
    """GeoScope paired images with labels by position after a shuffle."""
    files = [f"{seed}.png" for seed in range(8)]
    rows = [row(file, lat=float(file[0])) for file in files]
    write_table(tmp_path, rows, files)
    write_table(tmp_path, rows[::-1][3:] + rows[::-1][:3], name="shuffled.csv")
    for table in ("labels.csv", "shuffled.csv"):
        examples, problems = read_photos(tmp_path / table, tmp_path)
        assert not problems
        assert all(e.path.stem == str(int(e.lat)) for e in examples)
        own = {e.file: np.asarray(e.picture(8)) for e in examples}
        assert all((own[f"{seed}.png"] == np.asarray(picture(seed))).all() for seed in range(8))


TABLES = {
    "streetclip": (
        {"image_filename": "p/1.png", "city": "Bremen", "region": "Bremen", "country": "Germany",
         "continent": "Europe"},
        ("p/1.png", math.nan, math.nan, "DE", "Bremen", "Bremen", "Europe", ""),
    ),
    "osv": (
        {"id": "123", "latitude": "53.1", "longitude": "8.8", "country": "DE", "region": "Bremen",
         "sub-region": "x", "city": "Bremen", "climate": "7", "captured_at": "1600000000000"},
        ("123", 53.1, 8.8, "DE", "Bremen", "Bremen", "", ""),
    ),
    "mp16": ({"IMG_ID": "1.png", "LAT": "53.1", "LON": "8.8"}, ("1.png", 53.1, 8.8, *[""] * 5)),
    "plain": (
        {"file": "p/1.png", "lat": "1", "lng": "2", "label": "coast", "mine": "kept"},
        ("p/1.png", 1.0, 2.0, "", "", "", "", "coast"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_the_columns_of_published_tables_are_known(tmp_path, kind):
    entry, expected = TABLES[kind]
    image = {"osv": "train_images/XX/123.png"}.get(kind, "p/1.png")
    table = write_table(tmp_path, [entry], [image])
    (example,), problems = read_photos(table, tmp_path)
    assert not problems
    found = tuple(getattr(example, name) for name in FIELDS)
    assert repr(found) == repr(expected)  # NaN equals itself in words
    assert example.path == tmp_path / image
    assert example.columns == entry


def test_geoscope_tables_name_images_by_row(tmp_path):
    rows = [{"latitude": i, "longitude": 0, "continent": "Africa"} for i in (5, 6, 7)]
    write_table(tmp_path, rows, ["0.png", "2.png"])
    examples, problems = read_photos(tmp_path)
    assert [(e.path.name, e.lat) for e in examples] == [("0.png", 5.0), ("2.png", 7.0)]
    assert problems == [LeftOut("1", f"has no image under {tmp_path}")]


def test_names_that_two_images_bear_are_told_apart_or_reported(tmp_path):
    rows = [
        {"id": "1", "lat": 0, "lon": 0, "split": "test"},
        {"id": "2", "lat": 0, "lon": 0, "split": ""},
        {"id": "y/3.png", "lat": 0, "lon": 0, "split": ""},
    ]
    files = [
        "train_images/1.png",
        "test_images/1.png",
        "x/2.png",
        "y/2.png",
        "a/y/3.png",
        "a/z/3.png",
    ]
    write_table(tmp_path, rows, files)
    examples, problems = read_photos(tmp_path)
    assert [e.path.relative_to(tmp_path).as_posix() for e in examples] == [
        "test_images/1.png",
        "a/y/3.png",
    ]
    assert problems == [LeftOut("2", f"is the name of 2 images under {tmp_path}")]


@pytest.mark.parametrize(
    ("header", "lacks"),
    [
        ("file,lat", "lon"),
        ("lat,lon", "file"),
        ("file,colour", "lat, lon"),
        ("lon,colour", "file, lat"),
    ],
)
def test_missing_columns_are_named_beside_those_there_are(tmp_path, header, lacks):
    (tmp_path / "labels.csv").write_text(f"{header}\nx,1\n")
    picture().save(tmp_path / "x.png")
    with pytest.raises(
        UsageError, match=f"lacks the columns {lacks} .it has {header.split(',')[0]}"
    ):
        read_photos(tmp_path)


def test_a_source_that_is_not_there_stops_the_run(tmp_path):
    with pytest.raises(UsageError, match="name one"):
        read_photos(tmp_path / "nothing")


def test_folders_are_classes_and_gps_is_a_position(tmp_path):
    for name in ("Paris, FR/1.png", "Paris, FR/2.png", "Rome/3.png", "4.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(len(name)).save(tmp_path / name)
    gps = {1: "N", 2: ((48, 1), (51, 1), (0, 1)), 3: "E", 4: ((2, 1), (21, 1), (0, 1))}
    picture().save(tmp_path / "5.jpg", exif=piexif.dump({"GPS": gps}))
    examples, problems = read_photos(tmp_path)
    assert [(e.file, e.label, e.has_point) for e in examples] == [
        ("5.jpg", "", True),
        ("Paris, FR/1.png", "Paris, FR", False),
        ("Paris, FR/2.png", "Paris, FR", False),
        ("Rome/3.png", "Rome", False),
    ]
    assert (examples[0].lat, examples[0].lon) == pytest.approx((48.85, 2.35), abs=1e-4)
    assert list(map(str, problems)) == [
        "4.png: has no GPS, and is not in a folder named after its class"
    ]


def test_what_a_position_implies_is_filled_in_and_what_the_table_says_stays():
    exact, vague, sea = fill_place_names(
        [
            Example("a", lat=48.86, lon=2.35),
            Example("b", lat=48.86, lon=2.35, country="XX", precision="country"),
            Example("c", lat=-40.0, lon=-100.0),
        ]
    )
    assert (exact.country, exact.city, exact.continent) == ("FR", "Paris", "Europe")
    assert (vague.country, vague.city, vague.region) == ("XX", "", "")
    assert sea.country == ""


def test_what_a_system_needs_is_said():
    examples = [Example("a", lat=1.0, lon=2.0), Example("b", city="Rome")]
    good, lacking = require_fields(examples, "lat")
    assert [e.file for e in good] == ["a"]
    assert lacking == [LeftOut("b", "lacks lat")]
    with pytest.raises(UsageError, match="city, lat"):
        require_fields(examples, "city", "lat")


def test_a_reason_is_said_once_with_its_count():
    lacking = [LeftOut(f"{i}.png", "lacks lat") for i in range(1200)]
    assert describe_left_out([LeftOut("x.png", "is empty"), *lacking]) == [
        "1,200 photos (0.png, 1.png, 2.png, ...): lacks lat",
        "x.png: is empty",
    ]
    assert describe_left_out([]) == []


def test_a_country_is_enough_but_must_be_one():
    examples = [
        Example("a", lat=1.0, lon=2.0, country="DE", precision="city"),
        Example("b", country="TO", precision="city"),
        Example("c", country="Atlantis"),
        Example("d", lat=1.0, lon=2.0, country="Atlantis"),
        Example("e", lat=1.0, lon=2.0),
    ]
    kept, problems = require_country(examples)
    assert [(e.file, e.precision, e.is_located) for e in kept] == [
        ("a", "city", True),
        ("b", "country", False),
    ]
    assert [str(problem) for problem in problems] == [
        "e: lacks country",
        "c: country 'Atlantis' is not in the places table",
        "d: country 'Atlantis' is not in the places table",
    ]
    with pytest.raises(UsageError, match="ISO"):
        require_country(examples[2:4])


def uneven():
    return [
        Example(f"{source}{i}", lat=1.0, lon=1.0, country=code, source=source, precision=precision)
        for source, code, count, precision in (
            ("a", "DE", 8, "city"), ("b", "DE", 2, "country"), ("a", "FR", 4, "city"),
        )
        for i in range(count)
    ]  # fmt: skip


def test_weights_lift_rare_sources_and_countries():
    weights = balance_weights(uneven(), 0.5, 0.0)
    assert weights.mean() == pytest.approx(1)
    assert weights[8] == pytest.approx(weights[0] * (12 / 2) ** 0.5)
    assert weights[-1] == weights[0]
    weights = balance_weights(uneven(), 0.0, 0.5)
    assert weights[-1] == pytest.approx(weights[0] * (10 / 4) ** 0.5)
    crowd = [Example(f"{i}", country="DE", source="a") for i in range(999)]
    alone = balance_weights([*crowd, Example("x", country="TO", source="b")], 0.4, 0.35)
    assert alone[-1] < 8  # without a limit 151


def test_an_effective_number_is_that_of_equal_groups():
    assert effective_number([5, 5, 5]) == pytest.approx(3)
    assert 1 < effective_number([98, 1, 1]) < 1.1
    assert effective_number([]) == 0


def test_imbalance_is_described_as_a_whole_and_by_precision():
    text = describe_balance(uneven())
    assert "2 sources, as diverse as 1.3 equal ones (largest a with 85.7 %)" in text
    assert "2 countries, as diverse as 1.7 equal ones (largest DE with 71.4 %)" in text
    assert "city: 12 photos, 12 with a position; 1 sources" in text
    assert "countries with one source only: 1 with 4 photos; FR 4" in text
    assert "most photos from one of their sources: 1; DE 10" in text
    assert "DE     10    2   80 % a" in text
    assert "no countries" in describe_balance([Example("x")])


def test_the_map_shows_where_photos_are():
    lines = world_map([Example("a", lat=89.0, lon=-179.0)] * 50 + [Example("b", lat=-89, lon=179)])
    assert lines.splitlines()[0][0] == "#"
    assert lines.splitlines()[-1][71] == "."


@pytest.fixture
def leaking(tmp_path):
    rows = [
        row(f"{i}.png", split="train" if i < 6 else "test", source=f"s{i}", lat=i * 2)
        for i in range(9)
    ]
    rows[8]["source"] = "s0"
    return write_table(tmp_path, rows, [f"{i}.png" for i in range(9)])


def test_check_prints_the_data_set_and_fails_on_leakage(leaking):
    result = CliRunner().invoke(data.main, [str(leaking), "--check"])
    assert result.exit_code == 1
    assert "9 photos, 0 left out" in result.output
    assert "country: 1 kinds" in result.output
    assert "as diverse as" in result.output
    assert "share 1 sources: s0" in result.output
    assert CliRunner().invoke(data.main, [str(leaking)]).exit_code == 0


# webdataset leaves the shards for the interpreter to close
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_streams_give_the_same_examples_as_a_folder(tmp_path):
    webdataset = pytest.importorskip("webdataset")
    from training.data.streams import read_stream

    rows = [row(f"{i}.png", lat=float(i)) for i in range(7)]
    write_table(tmp_path, rows, [f"{i}.png" for i in range(7)])
    with webdataset.ShardWriter(str(tmp_path / "s-%03d.tar"), maxcount=4, verbose=0) as sink:
        for entry in rows:
            image = (tmp_path / entry["file"]).read_bytes()
            label = json.dumps({k: v for k, v in entry.items() if k != "file"}).encode()
            sink.write({"__key__": entry["file"][0], "png": image, "json": label})
        sink.write({"__key__": "x", "png": b"broken", "json": b'{"lat": 1, "lon": 1}'})
        sink.write({"__key__": "y", "json": b'{"lat": 1, "lon": 1}'})
    source = str(tmp_path / "s-{000..002}.tar")
    folder, _ = read_photos(tmp_path / "labels.csv")
    examples, problems = read_photos(source)
    assert [e.file for e in examples] == [str(i) for i in range(7)]
    assert [e.fingerprint for e in examples] == [e.fingerprint for e in folder]
    assert [(e.lat, e.country, e.source, e.data) for e in examples] == [
        (float(i), "DE", "a", None) for i in range(7)
    ]
    assert sorted(problem.file for problem in problems) == ["x", "y"]
    shown = [e.file for e in read_stream(source, [0, 1]) if e.file != "x"]
    assert sorted(shown) == [e.file for e in examples]
    assert shown != [e.file for e in read_stream(source, [0, 2]) if e.file != "x"]
    with pytest.raises(UsageError, match="no such shard"):
        read_photos(str(tmp_path / "t-{0..1}.tar"))


def test_hugging_face_data_sets_are_read_with_their_splits(tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = [row(f"{i}.png", lat=float(i)) for i in range(4)]
    write_table(tmp_path, rows, [f"{i}.png" for i in range(4)])
    columns = {key: [entry[key] for entry in rows] for key in ("file", "lat", "lon", "country")}
    columns["image"] = [str(tmp_path / entry["file"]) for entry in rows]
    features = datasets.Features(
        {key: datasets.Value("float64" if key in ("lat", "lon") else "string") for key in columns}
        | {"image": datasets.Image()}
    )
    whole = datasets.Dataset.from_dict(columns, features=features)
    parts = datasets.DatasetDict({"train": whole.select([0, 1]), "test": whole.select([2, 3])})
    parts.save_to_disk(str(tmp_path / "hf"))
    examples, problems = read_photos(f"hf:{tmp_path / 'hf'}")
    assert not problems
    assert [(e.file, e.split, e.lat) for e in examples] == [
        ("0.png", "train", 0.0),
        ("1.png", "train", 1.0),
        ("2.png", "test", 2.0),
        ("3.png", "test", 3.0),
    ]
    folder, _ = read_photos(tmp_path)
    assert [e.fingerprint for e in examples] == [e.fingerprint for e in folder]
