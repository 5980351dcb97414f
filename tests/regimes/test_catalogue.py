from typing import get_args

import pytest

from pipeline.domain.desk import RegimeSettings
from pipeline.regimes.catalogue import DETECTORS, detector


def test_every_name_of_the_desk_has_a_detector():
    assert set(get_args(RegimeSettings.model_fields["detector"].annotation)) == set(DETECTORS)


@pytest.mark.parametrize("name", DETECTORS)
def test_the_desk_decides(name):
    made = detector(RegimeSettings(detector=name, states=4, restarts=2), seed=11)
    assert type(made) is DETECTORS[name]
    assert (made.states, made.restarts, made.seed) == (4, 2, 11)
