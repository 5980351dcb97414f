"""Risk measures of training against closed forms, their axioms and NumPy's twins."""

import numpy as np
import pytest
import torch

from pipeline.deep.risk import Cvar, Entropic, MeanSd, Oce, exponential, truncated_quadratic
from pipeline.domain import risk_measures
from pipeline.domain.errors import SettingsError

MEASURES = [
    Entropic(0.7), Cvar(0.8), Cvar(0.37), MeanSd(1.5), Oce(exponential(0.7)), Oce(truncated_quadratic(0.5)),
]  # fmt: skip
every = pytest.mark.parametrize("risk", MEASURES, ids=repr)


@pytest.fixture
def pnl():
    return torch.from_numpy(np.random.default_rng(2).normal(0.3, 1.2, 501))


@every
def test_cash_takes_its_amount_away(risk, pnl):
    torch.testing.assert_close(risk(pnl + 0.25), risk(pnl) - 0.25)
    torch.testing.assert_close(risk(torch.full((9,), 0.4, dtype=torch.float64)).item(), -0.4)


@every
def test_it_is_convex(risk, pnl):
    other = torch.from_numpy(np.random.default_rng(3).standard_t(4, 501))
    assert risk(0.3 * pnl + 0.7 * other) <= 0.3 * risk(pnl) + 0.7 * risk(other)


@pytest.mark.parametrize("risk", [each for each in MEASURES if not isinstance(each, MeanSd)], ids=repr)
def test_more_money_is_never_more_risk(risk, pnl):
    gift = torch.from_numpy(np.random.default_rng(4).exponential(0.5, 501))
    assert risk(pnl + gift) < risk(pnl)


@every
def test_gradients_are_those_of_finite_differences(risk, pnl):
    few = pnl[:40].clone().requires_grad_()
    assert torch.autograd.gradcheck(risk, few, eps=1e-6, atol=1e-6)


def test_they_are_what_reports_print(pnl):
    array = pnl.numpy()
    assert Entropic(0.7)(pnl).item() == pytest.approx(risk_measures.entropic(array, 0.7).item(), rel=1e-12)
    for level in (0.37, 0.8, 0.999):
        assert Cvar(level)(pnl).item() == pytest.approx(risk_measures.cvar(array, level).item(), rel=1e-12)
    assert MeanSd(1.5)(pnl).item() == pytest.approx(risk_measures.mean_sd_cost(array).item(), rel=1e-12)


def test_certainty_equivalents_have_closed_forms(pnl):
    torch.testing.assert_close(Oce(exponential(0.7))(pnl), Entropic(0.7)(pnl))
    torch.testing.assert_close(
        Oce(lambda x: torch.relu(x) / (1 - 0.8))(pnl), Cvar(0.8)(pnl), rtol=1e-9, atol=1e-9
    )
    quiet = 0.01 * pnl  # far from where the quadratic is cut: mean–variance
    expected = -quiet.mean() + 0.25 * quiet.var(correction=0)
    torch.testing.assert_close(Oce(truncated_quadratic(0.5))(quiet), expected)


def test_of_a_normal_profit():
    """−μ + λσ²/2 and −μ + σ φ(z)/(1 − α), within four standard errors."""
    many = torch.from_numpy(np.random.default_rng(5).normal(0.2, 0.5, 400_000))
    assert Entropic(1.0)(many).item() == pytest.approx(-0.2 + 0.125, abs=4 * 0.6 / 400_000**0.5)
    assert Cvar(0.95)(many).item() == pytest.approx(-0.2 + 0.5 * 2.0627128, abs=4 * 2.0 / 400_000**0.5)


def test_aversion_can_be_set_where_there_is_one():
    assert Entropic(1.0).at(0.3) == Entropic(0.3)
    assert Cvar(0.9).at(0.3) == Cvar(0.9)


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (lambda: Entropic(0.0), "risk aversion of 0.0"),
        (lambda: Cvar(1.0), "level 1.0"),
        (lambda: MeanSd(-1.0), "-1.0 standard deviations"),
    ],
)
def test_settings_that_cannot_be(made, fault):
    with pytest.raises(SettingsError, match=fault):
        made()
