"""Prefect flows: thin wrappers over the pipeline, passing dataset keys only."""
