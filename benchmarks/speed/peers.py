"""Compare geotagger with the geoclip package and loops of torch: predictions and speed.

    python -m benchmarks.speed.peers --clip CLIP_DIR --folder PHOTOS BUNDLE...

CLIP_DIR holds CLIP ViT-L/14 as transformers saves it. Each BUNDLE was made from it by
`python export/to_onnx.py geoclip BUNDLE --tower CLIP_DIR`. A tower with random weights is as fast
as the real one, and both sides must give the same predictions for it too.

The predictions are compared first. The package is slow because it encodes its gallery again for
every photo; for the comparison its location encoder returns cached vectors. Then all take turns in
every round, in one process, so the ratios hold on a noisy machine: the package, a loop that keeps
the gallery, zero-shot by transformers as its documentation shows it, and the bundles. Core-s are
those of all threads. With --rounds 0 only the predictions are compared, and one model is in memory
at a time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np
import torch
from PIL import Image

from geotagger import Geotagger
from geotagger.geography.places import load_places
from geotagger.images.scan import walk

TOP_K = 5
CAPTIONS = 20
"""Of countries, for zero-shot; they are encoded before the race."""
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@click.command(help=__doc__)
@click.argument("bundles", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--clip", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--folder", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--compare", default=50, show_default=True, help="Photos whose answers are compared.")
@click.option("--photos", default=8, show_default=True, help="Photos timed in each round.")
@click.option("--package-photos", default=1, show_default=True, help="Of these for the package.")
@click.option("--rounds", default=3, show_default=True)
def main(
    bundles: tuple[Path, ...],
    clip: Path,
    folder: Path,
    compare: int,
    photos: int,
    package_photos: int,
    rounds: int,
) -> None:
    import geoclip

    torch.set_num_threads(CORES)
    found = [photo.path for photo in walk([folder])]
    spread = [found[i] for i in np.linspace(0, len(found) - 1, max(compare, photos)).astype(int)]
    package = geoclip.GeoCLIP(clip_path=str(clip)).eval()
    result: dict[str, Any] = {"cores": CORES}
    answers = answers_of_package(package, spread[:compare])
    if not rounds:
        del package
    if compare:
        result["compared"] = {
            bundle.name: difference(answers, opened(bundle).predict(spread[:compare], TOP_K))
            for bundle in bundles
        }
    if rounds:
        zero_shot = ZeroShot(clip)
        result |= race(package, zero_shot, bundles, spread[:photos], package_photos, rounds)
    click.echo(json.dumps(result, indent=1))


def opened(bundle: Path) -> Geotagger:
    return Geotagger(bundle, device="cpu", threads=CORES)


def race(
    package: Any,
    zero_shot: ZeroShot,
    bundles: Sequence[Path],
    files: Sequence[Path],
    package_photos: int,
    rounds: int,
) -> dict[str, dict[str, float]]:
    """Prints and returns photos per second and core-s a photo of each, with ratios by round."""
    loop = TorchLoop(package)
    peers: dict[str, Callable[[], int]] = {
        "geoclip predict": lambda: predict_each(package, files[:package_photos]),
        "torch, gallery kept": lambda: loop.predict_each(files),
        "transformers zero-shot": lambda: zero_shot.predict_each(files),
        **{bundle.name: counted(opened(bundle), files) for bundle in bundles},
    }
    rates: dict[str, list[float]] = {name: [] for name in peers}
    costs: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, run in peers.items():
            started, used = time.perf_counter(), time.process_time()
            count = run()
            rates[name].append(count / (time.perf_counter() - started))
            costs[name].append((time.process_time() - used) / count)
    fair = "torch, gallery kept"
    for name in peers:
        click.echo(
            f"{name:22} {median(rates[name]):8.3f} photos/s, {ratio(rates, name, fair):6.2f} x "
            f"torch; {median(costs[name]):8.3f} core-s, {ratio(costs, name, fair):6.2f} x torch"
        )
    return {
        "photos_per_s": {name: median(values) for name, values in rates.items()},
        "core_s": {name: median(values) for name, values in costs.items()},
    }


def ratio(values: dict[str, list[float]], name: str, base: str) -> float:
    """The median over the rounds, in which all took turns."""
    return median(a / b for a, b in zip(values[name], values[base], strict=True))


class TorchLoop:
    """A plain torch loop: the gallery is encoded once, photos are predicted one by one."""

    def __init__(self, package: Any) -> None:
        self.package = package
        with torch.inference_mode():
            vectors = [package.location_encoder(part) for part in package.gps_gallery.split(4096)]
            self.vectors = torch.nn.functional.normalize(torch.cat(vectors), dim=1)
            self.scale = package.logit_scale.exp()

    @torch.inference_mode()
    def predict_each(self, files: Sequence[Path]) -> int:
        encoder = self.package.image_encoder
        for file in files:
            with Image.open(file) as image:
                pixels = encoder.preprocess_image(image.convert("RGB"))
            features = torch.nn.functional.normalize(encoder(pixels), dim=1)
            (self.scale * features @ self.vectors.T).softmax(dim=-1).topk(TOP_K, dim=1)
        return len(files)


class ZeroShot:
    """Zero-shot by transformers: the captions are encoded once, photos are compared one by one."""

    def __init__(self, clip: Path) -> None:
        from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel

        self.model = CLIPModel.from_pretrained(clip).eval()
        self.processor = CLIPImageProcessor.from_pretrained(clip)
        tokenizer = AutoTokenizer.from_pretrained(clip)
        captions = [f"a photo taken in {name}" for name in load_places().country_names[:CAPTIONS]]
        tokens = tokenizer(captions, padding=True, return_tensors="pt")
        with torch.inference_mode():
            texts = self.model.get_text_features(**tokens)
            self.texts = torch.nn.functional.normalize(as_tensor(texts), dim=1)

    @torch.inference_mode()
    def predict_each(self, files: Sequence[Path]) -> int:
        for file in files:
            with Image.open(file) as image:
                pixels = self.processor(image.convert("RGB"), return_tensors="pt")
            features = as_tensor(self.model.get_image_features(**pixels))
            features = torch.nn.functional.normalize(features, dim=1)
            (self.model.logit_scale.exp() * features @ self.texts.T).softmax(dim=-1).topk(TOP_K)
        return len(files)


def as_tensor(features: Any) -> torch.Tensor:
    """Newer releases of transformers wrap the features."""
    return features if isinstance(features, torch.Tensor) else features.pooler_output


def predict_each(package: Any, files: Sequence[Path]) -> int:
    for file in files:
        package.predict(str(file), TOP_K)
    return len(files)


def counted(tagger: Geotagger, files: Sequence[Path]) -> Callable[[], int]:
    return lambda: len(tagger.predict(files, TOP_K).points)


def answers_of_package(package: Any, files: Sequence[Path]) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each photo the best points without repeats (the package's gallery has some twice)."""
    encode = package.location_encoder.forward
    with torch.inference_mode():
        kept = encode(package.gps_gallery)
    package.location_encoder.forward = lambda _: kept
    try:
        answers = []
        for file in files:
            points, probabilities = (part.numpy() for part in package.predict(str(file), 500))
            _, first = np.unique(points, axis=0, return_index=True)
            best = np.sort(first)[: 2 * TOP_K]
            answers.append((points[best], probabilities[best]))
    finally:
        package.location_encoder.forward = encode
    return answers


def difference(
    answers: Sequence[tuple[np.ndarray, np.ndarray]], ours: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    """Shares of photos with the same first point and the same five; difference in probability."""
    first, sets, apart = [], [], []
    for (points, probabilities), (own_points, own_probabilities) in zip(
        answers, zip(*ours, strict=True), strict=True
    ):
        theirs = {tuple(point): p for point, p in zip(points.tolist(), probabilities, strict=True)}
        own = [tuple(point) for point in own_points.tolist()]
        first.append(own[0] == tuple(points[0].tolist()))
        sets.append(set(own) == {tuple(point) for point in points[:TOP_K].tolist()})
        apart += [
            abs(float(p - theirs[point]))
            for point, p in zip(own, own_probabilities, strict=True)
            if point in theirs
        ]
    return {
        "photos": len(answers),
        "same_first": float(np.mean(first)),
        "same_five": float(np.mean(sets)),
        "distinct_firsts": len({tuple(points[0].tolist()) for points, _ in answers}),
        "largest_probability_difference": max(apart, default=float("nan")),
    }


if __name__ == "__main__":
    main()
