"""Prefect flows: thin wrappers over the pipeline, passing dataset keys only."""

from flows.environment import prepare
from pipeline.domain.home import Home

prepare(Home.find())
