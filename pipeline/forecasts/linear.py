"""Linear predictors whose value at a row depends on that row alone, to the last bit."""

from dataclasses import dataclass

import numpy as np

from pipeline.domain.instruments import FloatArray


def linear_predictor(intercept: float, slopes: FloatArray, Z: FloatArray) -> FloatArray:
    """Return intercept + Z · slopes, [T], summed column by column in a fixed order.

    A BLAS product may round a row differently when the number of rows changes; this sum does not.

    Examples
    --------
    >>> linear_predictor(1.0, np.array([2.0, 3.0]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([3., 4.])
    """
    total = np.full(len(Z), intercept)
    for j, slope in enumerate(slopes):
        total += slope * Z[:, j]
    return total


def least_squares(Z: FloatArray, y: FloatArray) -> tuple[float, FloatArray]:
    """Return intercept and slopes of the ordinary least-squares fit of y [T] on Z [T, K].

    Columns are scaled to a root mean square of 1 before the fit, for conditioning only.
    """
    scale = np.sqrt((Z**2).mean(axis=0))
    design = np.column_stack([np.ones(len(Z)), Z / scale])
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    return float(solution[0]), solution[1:] / scale


def smeared_least_squares(Z: FloatArray, logs: FloatArray) -> tuple[float, FloatArray, float]:
    """Return intercept, slopes and smearing factor of a regression of the log target [T] on Z [T, K].

    The factor is the mean exponential of the residuals: the exponential of a fitted logarithm is biased low.

    References
    ----------
    Duan (1983), Smearing estimate: a nonparametric retransformation method.
    """
    intercept, slopes = least_squares(Z, logs)
    residual = logs - linear_predictor(intercept, slopes, Z)
    return intercept, slopes, float(np.exp(residual).mean())


@dataclass(frozen=True)
class Standardiser:
    """Means and standard deviations of the training rows; a constant column is left unscaled."""

    mean: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, Z: FloatArray) -> "Standardiser":
        """Measure the columns of Z [T, K]."""
        deviation = Z.std(axis=0)
        return cls(Z.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def __call__(self, Z: FloatArray) -> FloatArray:
        """Return the standardised columns, [T, K].

        Examples
        --------
        >>> Z = np.array([[1.0], [3.0]])
        >>> Standardiser.of(Z)(Z).ravel()
        array([-1.,  1.])
        """
        return (Z - self.mean) / self.scale
