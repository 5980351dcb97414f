"""A small task for hedgers that learn: a call of ten days in the market of Black and Scholes."""

from pipeline.deep.task import HedgingTask
from pipeline.domain.instruments import Liability
from pipeline.simulate.black_scholes import BlackScholes

TASK = HedgingTask(
    process=BlackScholes(volatility=0.2),
    volatility=(0.2, 0.2),
    liability=Liability.of("call", "short"),
    strike=100.0,
    steps=10,
    interval=1 / 365,
    cost=(0.005, 0.005),
    aversion=(1.0, 1.0),
)
