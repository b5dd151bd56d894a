"""The posterior over the places table: the prior times the likelihood of each piece of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geotagger.fusion.mass import ProbabilityMass
from geotagger.types import Evidence, SourceKind


def posterior_mass(log_prior: ProbabilityMass, evidence: Sequence[Evidence]) -> ProbabilityMass:
    """softmax(log prior + sum of weight * log-likelihood).

    Args:
        log_prior: float32 [N], natural logarithm.
        evidence: pieces that are independent given the place.

    Returns:
        float32 [N], sums to 1.
    """
    logits = log_prior.copy()
    for item in evidence:
        log_likelihood = np.float32(item.weight) * item.log_likelihood
        if item.outlier_probability:
            log_likelihood = _with_outliers(log_likelihood, item.outlier_probability, log_prior)
        logits += log_likelihood
    logits -= logits.max()
    mass: ProbabilityMass = np.exp(logits)
    mass /= mass.sum(dtype=np.float64)
    return mass


def _with_outliers(
    log_likelihood: ProbabilityMass, outlier_probability: float, log_prior: ProbabilityMass
) -> ProbabilityMass:
    """Mix the likelihood with one that is the same everywhere (it says nothing of the place).

    Both are scaled to a mean of 1 under the prior, so the second is a floor under the first.
    """
    likelihood = np.exp(log_likelihood - log_likelihood.max())
    likelihood *= np.float32(1 - outlier_probability) / (np.exp(log_prior) @ likelihood)
    likelihood += np.float32(outlier_probability)
    mixed: ProbabilityMass = np.log(likelihood)
    return mixed


def downweight_vision(evidence: Sequence[Evidence], factor: float) -> list[Evidence]:
    """Multiply the weight of vision evidence by `factor` if there is evidence from text.

    A photo with telling words mostly shows a sign, and little of the land around it.
    """
    if all(item.kind != SourceKind.TEXT for item in evidence):
        return list(evidence)
    return _with_vision_weight(evidence, factor)


def downweight_vision_beside_sight(evidence: Sequence[Evidence], factor: float) -> list[Evidence]:
    """Multiply the weight of vision evidence by `factor` if the picture shows a known sight.

    Both judge by the same features, and would count some of them twice. The factor applies as far
    as the picture is likely to show the sight.
    """
    for item in evidence:
        if item.kind == SourceKind.SIGHTS:
            shown = 1 - item.outlier_probability
            evidence = _with_vision_weight(evidence, 1 - (1 - factor) * shown)
    return list(evidence)


def _with_vision_weight(evidence: Sequence[Evidence], factor: float) -> list[Evidence]:
    return [
        replace(item, weight=factor * item.weight) if item.kind == SourceKind.VISION else item
        for item in evidence
    ]
