"""A decision for the terminal and for the page of a flow run."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.live.decision import Decision, HedgeOrder, OpenOption

OPTIONS = ("option", "expiry", "left", "implied", "forecast", "90 %", "regimes")
ORDERS = ("policy", "lower", "upper", "position", "target", "order", "value", "cost")


def decision_for_terminal(decision: Decision) -> RenderableType:
    """Return the decision as tables that fit 100 columns; warnings come first."""
    parts: list[RenderableType] = [Text(f"warning: {text}", "bold red") for text in decision.warnings]
    parts += [f"{what:<11}{value}" for what, value in facts(decision)]
    parts.append(_table("", OPTIONS, [option_cells(option) for option in decision.options], 2))
    parts.append(_table("", ORDERS, [order_cells(order) for order in decision.orders], 1))
    parts += [f"{what:<11}{value}" for what, value in sources(decision)]
    return Group(*parts)


def decision_as_markdown(decision: Decision) -> str:
    """Return the decision as Markdown."""
    warnings = [f"> **Warning:** {text}\n" for text in decision.warnings]
    return "\n".join(
        [
            *warnings,
            *(f"- **{what}**: {value}" for what, value in facts(decision)),
            "",
            *_markdown(OPTIONS, [option_cells(option) for option in decision.options]),
            "",
            *_markdown(ORDERS, [order_cells(order) for order in decision.orders]),
            "",
            *(f"- **{what}**: {value}" for what, value in sources(decision)),
        ]
    )


def facts(decision: Decision) -> list[tuple[str, str]]:
    """Return what is known of the market, each with its name."""
    regimes = ", ".join(f"{name} {100 * prob:.1f} %" for name, prob in decision.regime_prob.items())
    held = decision.orders[0].position
    as_of = f", as of {decision.position_as_of}" if decision.position_as_of else ""
    return [
        ("desk", f"{decision.desk}, after {decision.session}, as known at {decision.as_of}"),
        ("spot", f"{decision.spot:,.2f}; the {decision.hedge_instrument} at {decision.hedge_price:,.2f}"),
        ("held", f"{held:g} of the {decision.hedge_instrument}, {decision.position_source}{as_of}"),
        ("regimes", regimes),
        (
            "cost",
            f"{decision.cost_bps:.2f} bps one way forecast, 90 % "
            f"{decision.cost_bps_lower:.2f} … {decision.cost_bps_upper:.2f}",
        ),
    ]


def sources(decision: Decision) -> list[tuple[str, str]]:
    """Return where the models come from."""
    return [
        (
            "model",
            f"{card['name']} version {card['version']}, run {card['run_id'][:8]} {card['report']}".rstrip(),
        )
        for card in decision.models
    ]


def option_cells(option: OpenOption) -> tuple[str, ...]:
    """Return one option as text, in the order of `OPTIONS`."""
    return (
        f"{option.quantity:+g} {option.kind} {option.strike:,.2f}",
        option.expiry,
        str(option.sessions_left),
        _percent(option.implied_vol),
        _percent(option.forecast_vol),
        f"{_percent(option.forecast_vol_lower)} … {_percent(option.forecast_vol_upper)}",
        _percent(option.regime_vol),
    )


def order_cells(order: HedgeOrder) -> tuple[str, ...]:
    """Return one order as text, in the order of `ORDERS`."""
    contracts = "" if order.contracts is None else f" ({order.contracts:.2f} contracts)"
    said = "no trade" if order.side == "none" else f"{order.side} {order.quantity:.4f}{contracts}"
    numbers = (order.band_lower, order.band_upper, order.position, order.target)
    return (
        order.policy,
        *(f"{number:.4f}" for number in numbers),
        said,
        f"{order.value:,.2f}",
        f"{order.cost:,.4f}",
    )


def _percent(volatility: float) -> str:
    return f"{100 * volatility:.1f} %"


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], labels: int) -> Table:
    table = Table(title=title or None, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < labels else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(headings)} |", f"|{'|'.join('---' for _ in headings)}|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]
