"""How many regimes the training rows speak for: information criterion and stability."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.domain.instruments import FloatArray
from pipeline.regimes.gaussian import GaussianDetector
from pipeline.regimes.hmm import HiddenMarkovDetector

STATES = (2, 3, 4, 5)
STABLE, LEAST_SHARE = 0.95, 0.05
Rule = Literal["bic", "stability"]


def state_selection(
    features: pd.DataFrame,
    returns: FloatArray,
    *,
    left_out: int,
    states: Sequence[int] = STATES,
    restarts: int = 4,
    seed: int = 0,
    kind: type[GaussianDetector] = HiddenMarkovDetector,
) -> pd.DataFrame:
    """Judge a detector with several numbers of states on training rows.

    BIC = −2 log p(x) + P log T with P = K(K − 1) + K D + K D(D + 1)/2: lower is better. Real data is not
    Gaussian within a regime, so BIC tends to ask for more states with every row: read it beside the
    stability, the share of rows whose likeliest filtered regime is the same when the last rows are left out
    of the fit.

    Parameters
    ----------
    features : [T, D] training rows.
    returns : [T] log returns of the same sessions.
    left_out : rows at the end that the second fit does not see.
    states : the K to judge.
    restarts, seed : of the detector.
    kind : the detector's class.

    Returns
    -------
    One row a K: `states, parameters, log_likelihood, bic, stability, least_share` (of the rarest regime).

    Raises
    ------
    FitError
        As `GaussianDetector.fit`.

    References
    ----------
    Schwarz (1978) for BIC; Celeux and Durand (2008) for its use with hidden Markov models.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> returns = rng.normal(0.0, np.repeat([0.005, 0.03, 0.005, 0.03], 150))
    >>> features = pd.DataFrame({"return_1d": returns})
    >>> table = state_selection(features, returns, left_out=100, states=(2,))
    >>> int(table["parameters"][0]), bool(table["stability"][0] > 0.95)
    (6, True)
    """
    rows = int(features.notna().all(axis=1).sum())
    dims = features.shape[1]
    found = []
    for count in states:
        whole, shorter = (
            kind(count, restarts, seed).fit(features.iloc[:end], returns[:end])
            for end in (len(features), len(features) - left_out)
        )
        prob = whole.filter(features)
        same = prob.argmax(axis=1) == shorter.filter(features).argmax(axis=1)
        parameters = count * (count - 1) + count * dims + count * dims * (dims + 1) // 2
        likelihood = whole.log_likelihood(features)
        found.append(
            {
                "states": count,
                "parameters": parameters,
                "log_likelihood": likelihood,
                "bic": parameters * np.log(rows) - 2.0 * likelihood,
                "stability": float(same.mean()),
                "least_share": float(prob.mean(axis=0).min()),
            }
        )
    return pd.DataFrame(found)


def chosen_states(table: pd.DataFrame, rule: Rule) -> int:
    """Return the number of states that a rule chooses from the table of `state_selection`.

    - `bic`: the lowest criterion.
    - `stability`: the most states of which 95 % of the rows keep theirs when the last rows are left out and
      the rarest holds at least 5 % of the rows; the most stable number where none does both.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {
    ...         "states": [2, 3, 4],
    ...         "bic": [30.0, 20.0, 10.0],
    ...         "stability": [0.99, 0.97, 0.70],
    ...         "least_share": [0.4, 0.1, 0.1],
    ...     }
    ... )
    >>> chosen_states(table, "bic"), chosen_states(table, "stability")
    (4, 3)
    """
    if rule == "bic":
        return int(table["states"][table["bic"].argmin()])
    stable = table[(table["stability"] >= STABLE) & (table["least_share"] >= LEAST_SHARE)]
    return int(stable["states"].max()) if len(stable) else int(table["states"][table["stability"].argmax()])
