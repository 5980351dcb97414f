"""Hedgers that learn by trial in simulated markets: environment and agents, the extra `rl`.

The environment steps thousands of markets at once through the ledger of the backtest; PPO and SAC come from
stable-baselines3. What an agent learned is plain numbers and lives in `pipeline.policies`.
"""

from importlib.util import find_spec

from pipeline.domain.errors import SettingsError

if find_spec("gymnasium") is None or find_spec("stable_baselines3") is None:
    raise SettingsError(
        "an agent needs Gymnasium and stable-baselines3, an extra: pip install 'regime-hedge[rl]'"
    )
