"""What a checkpoint says of itself: architecture, pictures, captions."""

import json

import numpy as np
import pytest

from geotagger.errors import BundleError, UsageError
from geotagger.images.decode import InputSpec
from geotagger.vision.published.architecture import read_towers
from geotagger.vision.published.checkpoint import Checkpoint, read_input
from geotagger.vision.published.graph_template import tower_template
from geotagger.vision.published.licences import licence_in_page
from geotagger.vision.published.tensor_names import RenamedTensors

LARGE = {
    "model_type": "clip",
    "projection_dim": 768,
    "text_config": {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12,
                    "eos_token_id": 2},
    "vision_config": {"hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
                      "num_hidden_layers": 24, "patch_size": 14},
}  # fmt: skip
OPEN_CLIP = {
    "model_cfg": {
        "embed_dim": 512,
        "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8,
                     "layers": 12},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
}  # fmt: skip


class Tensors(dict):
    """A checkpoint in memory."""

    read = dict.__getitem__


def checkpoint(config, tensors=(), **parts):
    return Checkpoint(name="x", licence="MIT", sha256="", tensors=Tensors(tensors), config=config,
                      **parts)  # fmt: skip


def test_what_a_configuration_leaves_out_is_the_default_of_transformers():
    image, text = read_towers({"model_type": "clip"}, "x")
    assert image.name == "clip-image-12x768-patch32-224-quick_gelu"
    assert text.name == "clip-text-12x512-49408x77-quick_gelu"
    assert (image.dimensions, text.end_token) == (512, 49407)
    image, text = read_towers({"model_type": "siglip", "text_config": {"vocab_size": 256_000}}, "x")
    assert image.name == "siglip-image-12x768-patch16-224-gelu_pytorch_tanh"
    assert text.name == "siglip-text-12x768-256000x64-gelu_pytorch_tanh"


def test_an_old_configuration_of_clip_means_the_last_token():
    image, text = read_towers(LARGE, "x")
    assert image.name == "clip-image-24x1024-patch14-224-quick_gelu"
    assert (text.end_token, text.dimensions) == (49407, 768)


@pytest.mark.parametrize(("quick", "activation"), [(True, "quick_gelu"), (False, "gelu")])
def test_a_configuration_of_openclip(quick, activation):
    config = {**OPEN_CLIP, "model_cfg": {**OPEN_CLIP["model_cfg"], "quick_gelu": quick}}
    image, text = read_towers(config, "x")
    theirs = {"model_type": "clip", "text_config": {"hidden_act": activation},
              "vision_config": {"hidden_act": activation}}  # fmt: skip
    assert (image, text) == read_towers(theirs, "x")


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "states the model None; clip and siglip are known"),
        ({"model_type": "bert"}, "'bert'"),
        ({"model_type": "clip", "vision_config": {"hidden_size": "wide"}}, "cannot be read"),
        ({"model_type": "clip", "vision_config": [1]}, "cannot be read"),
        ({"model_cfg": {"embed_dim": 512}}, "cannot be read"),
        ({"model_cfg": {"embed_dim": 512, "text_cfg": {}, "vision_cfg": {"head_width": 0}}},
         "cannot be read"),
        ({"model_cfg": {"embed_dim": 512, "text_cfg": {}, "vision_cfg": {"mlp_ratio": 1e308}}},
         "cannot be read"),
        ({"model_cfg": {"embed_dim": 512, "text_cfg": {},
                        "vision_cfg": {"timm_model_name": "vit_x"}}}, r"from timm \(vit_x\)"),
    ],
)  # fmt: skip
def test_a_configuration_that_is_none_is_refused(config, problem):
    with pytest.raises(UsageError, match=problem):
        read_towers(config, "x")


@pytest.mark.parametrize(
    ("processor", "family", "spec"),
    [
        ({}, "clip", InputSpec(224, "clip", "bicubic")),
        ({}, "siglip", InputSpec(224, "squash", "bicubic")),
        ({"size": 336, "crop_size": 336, "resample": 3}, "clip", InputSpec(336, "clip", "bicubic")),
        ({"size": {"height": 256, "width": 256}, "resample": 2}, "siglip",
         InputSpec(256, "squash", "bilinear")),
        ({"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224},
          "do_center_crop": True}, "clip", InputSpec(224, "clip", "bicubic")),
    ],
)  # fmt: skip
def test_processors_and_their_defaults(processor, family, spec):
    assert read_input(processor, family, "x") == spec


@pytest.mark.parametrize(
    "processor",
    [
        {"size": {"shortest_edge": 256}, "crop_size": 224},
        {"size": {"height": 224, "width": 112}, "do_center_crop": False},
        {"resample": 0},
        {"size": {}},
    ],
)
def test_a_processor_that_no_bundle_can_describe(processor):
    with pytest.raises(UsageError, match="cannot be the input of a bundle"):
        read_input(processor, "clip", "x")


@pytest.mark.parametrize("activation", ["x" * 5000, "\ud800", "../../secret", "a/b", ""])
def test_an_activation_is_never_a_path(activation):
    towers = read_towers({"model_type": "clip", "vision_config": {"hidden_act": activation}}, "x")
    with pytest.raises(UsageError, match="there is no graph for"):
        tower_template(towers.image, "fp32")


@pytest.mark.parametrize(
    "processor",
    [
        {"size": [224]},
        {"size": "224"},
        {"crop_size": [1]},
        {"resample": "bicubic"},
        {"resample": None},
        {"resample": 1e999},
    ],
)
def test_a_processor_of_another_kind_is_refused(processor):
    with pytest.raises(UsageError, match="its processor cannot be read"):
        read_input(processor, "clip", "x")


@pytest.mark.parametrize(
    "mean", [None, 3, "abc", [1, 2], [[1], 2, 3], {"a": 1}, [1e300] * 3, [float("nan")] * 3,
             [10**400] * 3]
)  # fmt: skip
def test_pixels_are_normalised_by_three_numbers(mean):
    with pytest.raises(UsageError, match="its processor cannot be read"):
        _ = checkpoint({"model_type": "clip"}, processor={"image_mean": mean}).renamed


@pytest.mark.parametrize("own", [[1], 3, {"size": {"a": 1}}, {"interpolation": []}])
def test_a_processor_of_openclip_of_another_kind_is_refused(own):
    with pytest.raises(UsageError, match="cannot be"):
        _ = checkpoint({**OPEN_CLIP, "preprocess_cfg": own}).input_spec


@pytest.mark.parametrize("scale", [[], [1, 2], [1000], [float("nan")]])
def test_the_scale_of_cosines_is_one_number(scale):
    odd = checkpoint(LARGE, {"logit_scale": np.array(scale, np.float32)})
    with pytest.raises(UsageError, match="its scale of cosines cannot be read"):
        _ = odd.logit_scale


def test_a_page_of_empty_lines_costs_no_time():
    """A pattern that looked for the end of the header from every line took hours."""
    assert licence_in_page("---" + "\n" * 1_000_000) == "unknown"
    assert licence_in_page("--- \r\nlicense: mit\n---\n") == "mit"


def test_the_processor_must_fit_the_tower():
    config = {"model_type": "clip"}
    assert checkpoint(config).input_spec.size_px == 224
    with pytest.raises(UsageError, match="makes pictures of 336 px, its tower takes 224"):
        _ = checkpoint(config, processor={"size": 336, "crop_size": 336}).input_spec


def test_pixels_are_normalised_as_the_processor_says():
    for one in (checkpoint({"model_type": "siglip"}), checkpoint(OPEN_CLIP)):
        assert one.renamed.read("pixel_mean").ravel().tolist() == [127.5] * 3
    own = checkpoint({"model_type": "clip"}, processor={"image_std": [0.1, 0.2, 0.3]})
    assert own.renamed.read("pixel_deviation").ravel() == pytest.approx([25.5, 51, 76.5])
    assert checkpoint(OPEN_CLIP).input_spec == InputSpec(224, "clip", "bicubic")


def test_the_scale_of_the_cosines():
    tensors = {"logit_scale": np.array(4.6052, np.float32)}
    assert checkpoint({"model_type": "clip"}, tensors).logit_scale == pytest.approx(100, rel=1e-4)


def word_tokenizer(**options):
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {"<|endoftext|>": 0, "</s>": 1, "[pad]": 2, "a": 3, "paris": 4, "Paris": 5}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return {"tokenizer": tokenizer.to_str().encode(), **options}


@pytest.mark.parametrize(
    ("family", "options", "expected"),
    [
        ("clip", {}, [3, 5, 0]),
        ("siglip", {}, [3, 4, 1]),
        ("clip", {"tokenizer_config": {"pad_token": "[pad]"}}, [3, 5, 2]),
        ("clip", {"tokenizer_config": {"pad_token": {"content": "[pad]"}}}, [3, 5, 2]),
    ],
)
def test_captions_are_padded_as_the_checkpoint_does(tmp_path, family, options, expected):
    from tokenizers import Tokenizer

    one = checkpoint({"model_type": family}, **word_tokenizer(**options))
    one.write_tokenizer(tmp_path / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    length = one.towers.text.length
    ids = tokenizer.encode("a Paris").ids
    assert ids == expected[:2] + [expected[2]] * (length - 2)
    assert len(tokenizer.encode("a " * 200).ids) == length


def test_a_tokenizer_that_cannot_be_used(tmp_path):
    config = {"model_type": "clip"}
    for tokenizer in (b"", b"{}", json.dumps({"model": {}}).encode(), b"\xff"):
        with pytest.raises(BundleError, match=r"x: has no readable tokenizer\.json"):
            checkpoint(config, tokenizer=tokenizer).write_tokenizer(tmp_path / "t")
    nameless = word_tokenizer(tokenizer_config={"pad_token": {"lstrip": False}})
    with pytest.raises(BundleError, match="does not know its padding ''"):
        checkpoint(config, **nameless).write_tokenizer(tmp_path / "t")
    unknown = word_tokenizer(tokenizer_config={"pad_token": "<none>"})
    with pytest.raises(BundleError, match="does not know its padding '<none>'"):
        checkpoint(config, **unknown).write_tokenizer(tmp_path / "t")


@pytest.mark.parametrize(
    "stored",
    [
        {"visual_projection.weight": [[1, 2, 3], [4, 5, 6]]},
        {"visual_projection.weight.T": [[1, 4], [2, 5], [3, 6]]},
        {"visual.proj": [[1, 4], [2, 5], [3, 6]], "visual.conv1.weight": 0},
        {"visual.proj.T": [[1, 2, 3], [4, 5, 6]], "visual.conv1.weight": 0},
    ],
)
def test_a_matrix_may_be_stored_transposed(stored):
    tensors = {name: np.array(values) for name, values in stored.items()}
    found = RenamedTensors(Tensors(tensors), {}).read("visual_projection.weight")
    assert found.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_one_of_three_joined_projections():
    joined = np.arange(18).reshape(9, 2)
    for name, values in (("", joined), (".T", joined.T)):
        block = "visual.transformer.resblocks.0.attn.in_proj_weight"
        tensors = {f"{block}{name}": values, "visual.conv1.weight": np.zeros(1)}
        renamed = RenamedTensors(Tensors(tensors), {})
        key = renamed.read("vision_model.encoder.layers.0.self_attn.k_proj.weight")
        np.testing.assert_array_equal(key, joined[3:6])
