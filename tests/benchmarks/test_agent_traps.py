"""The traps of the agents, so small that they take a second: the learner goes the right way."""

from dataclasses import replace

import numpy as np

from benchmarks.agent_traps import START, OpenTrainer, lived, open_task, prices
from benchmarks.learned import TEST_SEED
from pipeline.agents.plan import PpoPlan
from pipeline.deep.training import train

PLAN = PpoPlan(
    steps=12, markets=128, batch=320, epochs=6, learning_rate=0.02, trace=0.5, save_every=4, seed=3,
    hidden=(8,), critic=(16,),
)  # fmt: skip


class Small(OpenTrainer):
    test_paths = 512


def test_who_owes_nothing_gives_up_what_it_holds():
    trainer = Small(replace(open_task(1.0), steps=5), PLAN)
    dealer = trainer.open_markets(512)
    assert np.allclose(lived(dealer, trainer.learned(), TEST_SEED)[1], START)
    _, held = lived(dealer, train(trainer).learned, TEST_SEED)
    assert np.abs(held).mean() < 0.5 * START


def test_who_is_told_tomorrow_s_price_earns_by_it():
    trainer = Small(replace(open_task(0.1), steps=5), PLAN, told=True)
    dealer = trainer.open_markets(512)
    best = np.abs(np.diff(prices(dealer.deal(0, TEST_SEED)))).sum(axis=1).mean()
    pnl, _ = lived(dealer, train(trainer).learned, TEST_SEED)
    assert 0.3 * best < pnl.mean() < best
