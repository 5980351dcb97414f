"""Heston: a variance that returns to its mean, with shocks of its own."""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pipeline.domain.instruments import FloatArray
from pipeline.domain.kept import kept
from pipeline.simulate.paths import Paths
from pipeline.simulate.process import Process

_SWITCH = 1.5
"""ψ, squared deviation over squared mean of the next variance, beyond which it is drawn with an atom at 0."""


class FellerWarning(UserWarning):
    """The variance of a Heston market reaches zero: legitimate, but closed forms and calibrations suffer."""


@dataclass(frozen=True, kw_only=True)
class Heston(Process):
    r"""Heston's market in Andersen's quadratic-exponential scheme with its martingale correction.

    .. math:: dS = μ S dt + \sqrt{v} S dW, \quad dv = κ(θ − v) dt + ξ \sqrt{v} dZ, \quad dW dZ = ρ dt

    The next variance has its exact mean and deviation whatever the step; the price is a martingale (at μ = 0)
    in the discrete scheme too. Where ξ = 0 the variance is its mean and the price log-normal.

    Attributes
    ----------
    start : v_0, annual variance.
    mean : θ, annual variance.
    reversion : κ, a year.
    vol_of_vol : ξ.
    correlation : ρ, within −1 … 1.

    Raises
    ------
    SettingsError
        A variance, κ or ξ is negative, |ρ| > 1, or (while simulating, ρ > 0) the moment that the martingale
        correction takes does not exist at this step.

    Warns
    -----
    FellerWarning
        2κθ < ξ², so that the variance touches zero.

    References
    ----------
    Heston (1993), eq. 1 and 4. Andersen (2008), Simple and efficient simulation of the Heston stochastic
    volatility model, sections 3.2.4 and 4.3 (γ₁ = γ₂ = ½, ψ_c = 1.5).

    Examples
    --------
    >>> market = Heston(start=0.04, mean=0.04, reversion=2.0, vol_of_vol=0.3, correlation=-0.7)
    >>> found = market.simulate(paths=4, steps=5, dt=1 / 252, seed=7)
    >>> found.spot.shape, bool((found.variance >= 0.0).all())
    ((4, 6), True)
    """

    name: ClassVar[str] = "heston"
    start: float = 0.04
    mean: float = 0.04
    reversion: float = 2.0
    vol_of_vol: float = 0.3
    correlation: float = -0.7

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("start", "mean", "reversion", "vol_of_vol"):
            self.need(0.0 <= getattr(self, key) < np.inf, f"{key} {getattr(self, key)}: give 0 or more")
        self.need(
            -1.0 <= self.correlation <= 1.0,
            f"correlation {self.correlation}: the matrix of both shocks is not positive semi-definite, "
            "give -1 to 1",
        )
        if 2.0 * self.reversion * self.mean < self.vol_of_vol**2:
            warnings.warn(
                f"Feller condition broken: 2 · {self.reversion:g} · {self.mean:g} < {self.vol_of_vol:g}², "
                "the variance touches zero; the quadratic-exponential scheme simulates it",
                FellerWarning,
                stacklevel=3,
            )

    def fill(self, noise: FloatArray, out: Paths) -> None:
        """See `Process.fill`."""
        kernel = _quadratic_exponential if self.vol_of_vol > 0.0 else _without_vol_of_vol
        kernel(noise, self.spot, self.start, self.coefficients(out.interval), out.spot, out.variance)
        self.need(
            not np.isnan(out.spot).any(),
            f"correlation {self.correlation} and vol_of_vol {self.vol_of_vol}: the martingale correction has "
            f"no moment to take at steps of {out.interval:g} years, make them shorter",
        )

    def coefficients(self, dt: float) -> FloatArray:
        """Return what the kernels need of a step: μΔt, Δt, θ, e^{−κΔt}, the two of s², K₁ … K₄."""
        kappa, xi, rho = self.reversion, self.vol_of_vol, self.correlation
        decay = np.exp(-kappa * dt)
        left = -np.expm1(-kappa * dt) / kappa if kappa > 0.0 else dt
        spread = xi**2 * left
        towards = 0.5 * dt * (kappa * rho / xi - 0.5) if xi > 0.0 else 0.0
        shift = rho / xi if xi > 0.0 else 0.0
        own = 0.5 * dt * (1.0 - rho**2)
        return np.array(
            [
                self.drift * dt,
                dt,
                self.mean,
                decay,
                spread * decay,
                0.5 * self.mean * kappa * spread * left,
                towards - shift,
                towards + shift,
                own,
                own,
            ]
        )


@kept(nogil=True, error_model="numpy")
def _quadratic_exponential(
    noise: FloatArray,
    spot: float,
    start: float,
    coefficients: FloatArray,
    out: FloatArray,
    variance: FloatArray,
) -> None:
    """Fill spot and variance [N, T+1]; NaN where the martingale correction does not exist."""
    drift, _, theta, decay, spread, base, k1, k2, k3, k4 = coefficients
    paths = out.shape[0]
    tilt, tilt_now = k2 + 0.5 * k4, k1 + 0.5 * k3
    logs, now = np.zeros(paths), np.full(paths, start)
    out[:, 0], variance[:, 0] = spot, start
    for t in range(noise.shape[0]):
        for i in range(paths):
            v = now[i]
            m = theta + (v - theta) * decay
            ratio = (v * spread + base) / (m * m) if m > 0.0 else 0.0
            if m <= 0.0:
                ahead, correction = 0.0, 0.0
            elif ratio <= _SWITCH:
                inverse = 2.0 / ratio
                squared = inverse - 1.0 + np.sqrt(inverse * (inverse - 1.0))
                scale = m / (1.0 + squared)
                ahead = scale * (np.sqrt(squared) + noise[t, 0, 1, i]) ** 2
                room = 1.0 - 2.0 * tilt * scale
                correction = 0.5 * np.log(room) - tilt * squared * scale / room if room > 0.0 else np.nan
            else:
                atom = (ratio - 1.0) / (ratio + 1.0)
                rate = (1.0 - atom) / m
                u = noise[t, 0, 2, i]
                ahead = np.log((1.0 - atom) / (1.0 - u)) / rate if u > atom else 0.0
                room = rate - tilt
                correction = -np.log(atom + rate * (1.0 - atom) / room) if room > 0.0 else np.nan
            logs[i] += drift + correction - tilt_now * v + k1 * v + k2 * ahead
            logs[i] += np.sqrt(k3 * v + k4 * ahead) * noise[t, 0, 0, i]
            now[i] = ahead
            variance[i, t + 1] = ahead
            out[i, t + 1] = spot * np.exp(logs[i])


@kept(nogil=True, error_model="numpy")
def _without_vol_of_vol(
    noise: FloatArray,
    spot: float,
    start: float,
    coefficients: FloatArray,
    out: FloatArray,
    variance: FloatArray,
) -> None:
    drift, dt, theta, decay = coefficients[:4]
    logs = np.zeros(out.shape[0])
    v = start
    out[:, 0], variance[:, 0] = spot, start
    for t in range(noise.shape[0]):
        ahead = theta + (v - theta) * decay
        total = 0.5 * dt * (v + ahead)
        for i in range(out.shape[0]):
            logs[i] += drift - 0.5 * total + np.sqrt(total) * noise[t, 0, 0, i]
            variance[i, t + 1] = ahead
            out[i, t + 1] = spot * np.exp(logs[i])
        v = ahead
