"""`hedge desk new`: a desk file from a look at the user's own data."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.domain.errors import SettingsError


def new_desk(
    path: Annotated[Path, typer.Argument(help="Where to write the desk file.")],
    bars: Annotated[Path, typer.Option(help="CSV or Parquet file of prices, a row a session.")],
    vol: Annotated[Path, typer.Option(help="CSV or Parquet file of the volatility index.")],
    vix9d: Annotated[Path | None, typer.Option(help="File of a volatility index of a shorter tenor.")] = None,
    vix3m: Annotated[Path | None, typer.Option(help="File of a volatility index of a longer tenor.")] = None,
    vvix: Annotated[Path | None, typer.Option(help="File of the volatility of the volatility.")] = None,
    skew: Annotated[Path | None, typer.Option(help="File of an index of the options' skew.")] = None,
    realized: Annotated[Path | None, typer.Option(help="File of realised variances and more.")] = None,
    factors: Annotated[
        Path | None, typer.Option(help="File of the prices' dividend and split factors (Lean's form).")
    ] = None,
    calendar: Annotated[
        str | None, typer.Option(help="Exchange (XLON, XTKS, 24/7, …); else the one that fits the dates.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="[FILE.]NAME=COLUMN", help="A column: close=Schluss, vol.date=Datum, volume=."),
    ] = None,
    date_format: Annotated[
        list[str] | None,
        typer.Option(metavar="[FILE=]FORMAT", help="How dates are written: %d.%m.%y, vol=%d/%m/%Y."),
    ] = None,
    time_zone: Annotated[
        list[str] | None,
        typer.Option(metavar="[FILE=]ZONE", help="Zone of times of day without an offset: Asia/Tokyo."),
    ] = None,
    quarantine_limit: Annotated[
        float | None, typer.Option(min=0, max=1, help="Largest share of a file's rows that may fail a check.")
    ] = None,
    jump_limit: Annotated[
        float | None, typer.Option(min=1e-9, help="Largest believed |ln(price / price before)|.")
    ] = None,
    vol_jump_limit: Annotated[
        float | None, typer.Option(min=1e-9, help="The same of a volatility index.")
    ] = None,
    realized_scale: Annotated[
        float, typer.Option(min=1e-30, help="Realised variances times this are daily variances as decimals.")
    ] = 1.0,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a commented desk file from a look at your own data.

    FILE is the name of the option that gives the file (bars, vol, vix9d, …); without it --column is of the
    bars, --date-format and --time-zone are of all files.
    """
    from pipeline.ingest import new_desk as maker
    from pipeline.ingest.file_options import FileOptions, each_file, named_columns

    if path.exists() and not force:
        raise SettingsError(f"{path}: is there already: give another path, or --force to write over it")
    given = {"vix9d": vix9d, "vix3m": vix3m, "vvix": vvix, "skew": skew}
    indices = {name: file for name, file in given.items() if file is not None}
    limits = {
        "quarantine_limit": quarantine_limit,
        "jump_limit": jump_limit,
        "vol_jump_limit": vol_jump_limit,
    }
    options = FileOptions(
        calendar=calendar,
        limits={name: limit for name, limit in limits.items() if limit is not None},
        realized_scale=realized_scale,
        columns=named_columns(column or ()),
        date_formats=each_file(date_format or ()),
        time_zones={file: zones[-1] for file, zones in each_file(time_zone or ()).items()},
    )
    made = maker.new_desk(path, bars, vol, indices, realized, factors, options)
    try:
        path.write_text(made.text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from None
    for note in made.notes:
        print(note, file=sys.stderr)
    print(f"{path} is written: look through it, then hedge run {path}")
