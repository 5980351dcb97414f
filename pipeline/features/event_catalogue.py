"""All features on events there are. A new module of them is one more import here."""

from pipeline.features import (
    book,
    daily_series,
    flow_impact,
    funding_level,
    kyle,
    microprice,
    own_account,
    own_costs,
    perpetual_basis,
    quote_volatility,
    quotes,
    social_activity,
    topic_intensity,
    toxicity,
    trade_costs,
    trade_tape,
)
from pipeline.features.event_feature import EVENT_REGISTRY, EventFeature

EVENT_MODULES = (
    quotes,
    trade_tape,
    toxicity,
    kyle,
    trade_costs,
    flow_impact,
    quote_volatility,
    book,
    microprice,
    perpetual_basis,
    funding_level,
    daily_series,
    topic_intensity,
    social_activity,
    own_account,
    own_costs,
)
"""Their import declares the features; their order is that of the columns."""


def event_catalogue() -> tuple[EventFeature, ...]:
    """Return every feature on events, module by module.

    Examples
    --------
    >>> [output.name for output in event_catalogue()[0].outputs][:2]
    ['quote_mid', 'quote_half_spread_bps']
    """
    return tuple(
        entry
        for module in EVENT_MODULES
        for entry in EVENT_REGISTRY.values()
        if entry.module == module.__name__
    )
