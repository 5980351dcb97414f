"""Where a live desk's orders go, beside the paper venue; who it is there stands in no desk file."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.domain.settings import Settings
from pipeline.domain.symbols import plain

Printable = Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")]
"""What may stand in a field of FIX: printable, and something."""


class FixSettings(Settings):
    """A session with a broker's FIX 4.4 acceptor.

    Account, user and password come from the environment or a private file, see `live.credentials`: a desk
    file is copied into reports and MLflow.
    """

    host: Printable
    """TLS and the broker's certificates are a tunnel's (stunnel); then this is its end on this machine."""
    port: Annotated[int, Field(ge=1, le=65535)]
    sender: Printable
    """SenderCompID (49)."""
    target: Printable
    """TargetCompID (56)."""
    heartbeat_seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    symbol: Printable | None = None
    """What the broker calls the instrument (55), where it is not `data.instrument`."""
    reset_on_logon: bool = False
    """Both sides begin at number one at every logon: what is missed between is found by comparing alone."""
    rehearsal: bool = False
    """The broker's fills are play: a stored day may be lived against it, whose first logon resets numbers."""
    commission: Literal["fill", "order"] = "fill"
    """Of what a report tells the commission (12): of the fill that it reports, or of its order so far."""

    @property
    def market(self) -> tuple[object, ...]:
        """Return what makes it this session and no other."""
        return self.host, self.port, self.sender, self.target


class CcxtSettings(Settings):
    """A crypto venue's spot market by its REST interface; keys are told as for FIX."""

    venue: Printable
    """As ccxt calls it, for example binance."""
    symbol: Printable
    """The spot market as ccxt calls it, for example BTC/USDT."""
    instrument: str = ""
    """What the desk calls it, where that is not base and quote of the symbol: it states that they are one."""
    baseline: Annotated[float, Field(ge=0)] = 0.0
    """Units of the base that the account holds beside the desk's position."""
    poll_seconds: Annotated[float, Field(ge=0.05, le=60)] = 1.0
    """How often the venue is asked what became of orders."""
    live_money: bool = False
    """Orders go to the venue itself, for money; else to its test net, where stored days may be lived too."""

    @property
    def rehearsal(self) -> bool:
        """Tell whether fills are play."""
        return not self.live_money

    @property
    def market(self) -> tuple[object, ...]:
        """Return what makes it this market and no other."""
        return self.venue, self.symbol


Trading = Literal["paper", "fix", "ccxt"]


class RoutedSettings(Settings):
    """Two venues, and the second of them, whose book is that of `data.other_files`.

    `[gateway.fix]` and `[gateway.ccxt]` say where the first is, tables of the same name in here the second.
    """

    own: Trading = "paper"
    """What orders at the first venue go by."""
    other: Trading = "paper"
    """And at the second: paper as there, or an account as there."""
    fix: FixSettings | None = None
    ccxt: CcxtSettings | None = None
    fee_bps: Annotated[float, Field(ge=0, lt=1000)] = 0.0
    fixed_fee: Annotated[float, Field(ge=0)] = 0.0
    """What trading costs at the second venue beside its book: money an order, whatever its size."""
    crossing: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Times what its shown book costs to cross."""
    symbol: str = ""
    """What the second venue's files call the instrument, where that is not what the desk's own do."""

    @model_validator(mode="after")
    def _accounts_at_both(self) -> Self:
        if (self.own == "paper") != (self.other == "paper"):
            raise ValueError(
                f'own = "{self.own}" and other = "{self.other}": beside an account, paper is nothing '
                "that anybody holds: give paper for both, or fix or ccxt for each"
            )
        told = next((name for name in ("fix", "ccxt") if getattr(self, name) is not None), None)
        if told is not None and "other" not in self.model_fields_set:
            raise ValueError(
                f'gateway.routed.{told}: without other = "{told}" orders go to paper: say where they go'
            )
        return self


class GatewaySettings(Settings):
    """The gateways that `hedge live --gateway` may name."""

    routed: RoutedSettings | None = None
    fix: FixSettings | None = None
    ccxt: CcxtSettings | None = None

    @model_validator(mode="after")
    def _two_markets(self) -> Self:
        second = self.routed
        if second is None or second.own != second.other or second.own == "paper":
            return self
        first, further = (each.fix if second.own == "fix" else each.ccxt for each in (self, second))
        if first is not None and further is not None and first.market == further.market:
            raise ValueError(
                f"gateway.routed.{second.own}: is gateway.{second.own}: name another venue there"
            )
        return self

    def check(self, *names: str) -> None:
        """Refuse a market of `ccxt` that is not the instrument which a desk hedges, by any of its names.

        Raises
        ------
        ValueError
            It is another.
        """
        second = None if self.routed is None else self.routed.ccxt
        for table, told in (("gateway.ccxt", self.ccxt), ("gateway.routed.ccxt", second)):
            if told is None or told.instrument in names:
                continue
            if told.instrument or plain(told.symbol) not in map(plain, names):
                raise ValueError(
                    f"{table}.symbol: {told.symbol} is not {names[0]}, which the desk hedges: name that "
                    f'market, or say {table}.instrument = "{names[0]}" if it is the same in the same money'
                )
