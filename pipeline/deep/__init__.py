"""Hedgers that learn: networks trained through the simulated market with PyTorch, the extra `deep`.

What a trained network answers is plain numbers and lives in `pipeline.policies`: only training is here.
"""

from importlib.util import find_spec

from pipeline.domain.errors import SettingsError

if find_spec("torch") is None:
    raise SettingsError("training a network needs PyTorch, an extra: pip install 'regime-hedge[deep]'")
