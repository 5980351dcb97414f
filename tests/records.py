"""Generated files of alternative data, as vendors ship them."""

from datetime import timedelta

import numpy as np
import pandas as pd

from tests.workbook import sheet, workbook

ENTRY = """
[data.alternative.news_sentiment]
file = "news_sentiment.xlsx"
terms = { published_lag_days = 3 }
[forecasts]
further = ["news_sentiment_surprise", "news_sentiment_momentum_30d"]
"""


def sentiment_workbook(path, first="2010-01-01", last="2017-12-31", seed=3, broken=()):
    """Write a news-sentiment workbook of daily values, those of `broken` days being no numbers."""
    days = pd.date_range(first, last)
    values = np.zeros(len(days))
    noise = np.random.default_rng(seed).normal(0.0, 0.03, len(days))
    for row in range(1, len(days)):
        values[row] = 0.97 * values[row - 1] + noise[row]
    told = (
        "n/a" if day.date().isoformat() in broken else float(x) for day, x in zip(days, values, strict=True)
    )
    rows = zip(days.date, told, strict=True)
    path.write_bytes(workbook(sheet([("date", "News Sentiment"), *rows])))
    return path


def fees_file(path, first="2016-01-01", days=400, seed=4):
    """Write a csv of daily on-chain metrics."""
    rng, start = np.random.default_rng(seed), pd.Timestamp(first)
    fees = np.exp(10.0 + np.cumsum(rng.normal(0.0, 0.1, days)))
    lines = [f"{(start + timedelta(days=n)).date()},5000,100,144,{fees[n]:.2f}" for n in range(days)]
    path.write_text("date,TxCnt,AdrActCnt,BlkCnt,FeeTotUSD\n" + "\n".join(lines) + "\n")
    return path


def headlines_file(path, first="2016-01-01", days=120, seed=5):
    """Write a csv of headlines about a dozen subjects, two a day."""
    rng, start = np.random.default_rng(seed), pd.Timestamp(first)
    subjects = ["rates fed hike", "oil output cut", "bank earnings beat", "trade tariff talks"]
    subjects += ["jobs payroll report", "chip maker deal", "vaccine trial", "election poll", "bond auction"]
    lines = []
    for n in range(2 * days):
        words = rng.permutation(subjects[rng.integers(len(subjects))].split())
        lines.append(f"{(start + timedelta(hours=12 * n)).isoformat()}Z,{' '.join(words)} number {n}")
    path.write_text("published,headline\n" + "\n".join(lines) + "\n")
    return path


def social_file(path, first="2016-01-01", days=30, seed=6):
    """Write a csv of posts, some dozens a day."""
    rng, start = np.random.default_rng(seed), pd.Timestamp(first)
    minutes = np.cumsum(rng.integers(1, 40, 48 * days // 2))
    lines = [f"{(start + timedelta(minutes=int(m))).isoformat()}Z,user{rng.integers(9)},1" for m in minutes]
    path.write_text("time,author,count\n" + "\n".join(lines) + "\n")
    return path
