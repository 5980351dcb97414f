"""Every forecaster by name, so that contracts, harness and saved models find them all."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pipeline.domain.desk import ForecastSettings
from pipeline.domain.errors import StoreError
from pipeline.forecasts.boosted import LightGbm, LightGbmEvent
from pipeline.forecasts.combination import Combination
from pipeline.forecasts.events import Climatology, Logistic
from pipeline.forecasts.ewma import Ewma
from pipeline.forecasts.forecaster import DEFAULTS, Forecaster
from pipeline.forecasts.garch import Garch, Gjr
from pipeline.forecasts.har import Har, LogHar
from pipeline.forecasts.last_value import LastValue
from pipeline.forecasts.log_linear import LogLinear
from pipeline.forecasts.lstm import Lstm
from pipeline.forecasts.realized import Harq, LogSharq, Shar
from pipeline.forecasts.task import Task
from pipeline.forecasts.time_of_day import TimeOfDay

LEVEL_FORECASTERS: Mapping[str, type[Forecaster]] = MappingProxyType(
    {model.name: model for model in (LastValue, Ewma, Har, LogHar, LogLinear, LightGbm, Combination)}
)
VARIANCE_FORECASTERS: Mapping[str, type[Forecaster]] = MappingProxyType(
    {**LEVEL_FORECASTERS, **{model.name: model for model in (Garch, Gjr)}}
)
"""What forecasts any level, and what forecasts variances of returns only."""
MEASURED_FORECASTERS: Mapping[str, type[Forecaster]] = MappingProxyType(
    {model.name: model for model in (Shar, Harq, LogSharq)}
)
"""What forecasts variances from realised measures, where a task has those that it needs."""
CLOCKED_FORECASTERS: Mapping[str, type[Forecaster]] = MappingProxyType({TimeOfDay.name: TimeOfDay})
"""What forecasts levels within the day, where a task knows the time of day."""
NAMED_FORECASTERS: Mapping[str, type[Forecaster]] = MappingProxyType({Lstm.name: Lstm})
"""What forecasts variances where the settings name it, for fitting it needs an extra."""
EVENT_FORECASTERS: Mapping[str, type[Forecaster]] = MappingProxyType(
    {model.name: model for model in (Climatology, Logistic, LightGbmEvent)}
)


def forecasters(task: Task, settings: ForecastSettings = DEFAULTS) -> Mapping[str, type[Forecaster]]:
    """Return the forecasters that can do a task, by name; networks where the settings name them.

    Examples
    --------
    >>> from pipeline.forecasts.task import spike_task
    >>> list(forecasters(spike_task()))
    ['climatology', 'logistic', 'lightgbm_event']
    """
    if task.kind == "event":
        return EVENT_FORECASTERS
    named = NAMED_FORECASTERS if task.of_variance and settings.lstm is not None else {}
    if not task.squared:
        return {**LEVEL_FORECASTERS, **_able(CLOCKED_FORECASTERS, task), **named}
    return {**VARIANCE_FORECASTERS, **_able(MEASURED_FORECASTERS, task), **named}


def _able(known: Mapping[str, type[Forecaster]], task: Task) -> dict[str, type[Forecaster]]:
    return {name: each for name, each in known.items() if set(each.needs) <= set(task.measures)}


def restore(state: dict[str, Any]) -> Forecaster:
    """Rebuild any saved forecaster from `Forecaster.to_state`.

    Raises
    ------
    StoreError
        The state names a model that does not exist.
    """
    known = {
        **VARIANCE_FORECASTERS,
        **MEASURED_FORECASTERS,
        **CLOCKED_FORECASTERS,
        **NAMED_FORECASTERS,
        **EVENT_FORECASTERS,
    }
    name = state.get("model")
    if name not in known:
        raise StoreError(f"saved forecaster {name}: no such model (known: {', '.join(known)})")
    return known[name].from_state(state)
