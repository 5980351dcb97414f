"""Averages of forecasts, weighted by what their errors have cost so far."""

import numpy as np

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray


def inverse_loss_weights(losses: FloatArray) -> FloatArray:
    r"""Return the weights :math:`w_k \propto 1 / \bar L_k`, [K], positive and summing to 1.

    The mean losses alone count, not how the errors of the models go together: weights that use the
    covariances estimate more than a few years of overlapping outcomes can tell.

    Parameters
    ----------
    losses : [T, K] positive losses of past forecasts whose outcome is known; a row with a NaN does not count.

    Returns
    -------
    FloatArray
        Equal weights where no row counts.

    Raises
    ------
    DataError
        A model has no loss at all: its forecasts cannot be out of sample.

    References
    ----------
    Bates, Granger (1969), The combination of forecasts; Timmermann (2006), Forecast combinations, section 2.

    Examples
    --------
    >>> inverse_loss_weights(np.array([[0.2, 0.1], [0.4, 0.2]])).round(3)
    array([0.333, 0.667])
    """
    counted = losses[np.isfinite(losses).all(axis=1)]
    models = losses.shape[1]
    if not len(counted):
        return np.full(models, 1.0 / models)
    mean = counted.mean(axis=0)
    if (mean <= 0.0).any():
        raise DataError(f"losses of model {int(mean.argmin())} of {models} are zero: combine other forecasts")
    return np.asarray(1.0 / mean / (1.0 / mean).sum(), dtype=np.float64)


def log_pool(forecasts: FloatArray, weights: FloatArray) -> FloatArray:
    r"""Return the weighted geometric mean :math:`\exp \sum_k w_k \log f_k`, [T].

    Parameters
    ----------
    forecasts : [T, K] positive; a NaN makes its row NaN.
    weights : [K] or [T, K].

    Examples
    --------
    >>> log_pool(np.array([[1.0, 4.0]]), np.array([0.5, 0.5]))
    array([2.])
    """
    total = np.zeros(len(forecasts))
    for k, weight in enumerate(np.broadcast_to(weights, forecasts.shape).T):
        total += weight * np.log(forecasts[:, k])
    return np.exp(total)
