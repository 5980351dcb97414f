"""Regime detectors by the name that a desk gives them."""

from pipeline.domain.desk import RegimeSettings
from pipeline.regimes.base import Detector
from pipeline.regimes.gaussian import GaussianDetector
from pipeline.regimes.hmm import HiddenMarkovDetector
from pipeline.regimes.jump import JumpDetector
from pipeline.regimes.kmeans import KMeansDetector

DETECTORS: dict[str, type[GaussianDetector]] = {
    "hmm": HiddenMarkovDetector,
    "kmeans": KMeansDetector,
    "jump": JumpDetector,
}


def detector(settings: RegimeSettings, seed: int) -> Detector:
    """Return the unfitted detector that the desk asks for.

    Examples
    --------
    >>> type(detector(RegimeSettings(detector="kmeans"), seed=7)).__name__
    'KMeansDetector'
    """
    return DETECTORS[settings.detector](settings.count, settings.restarts, seed)
