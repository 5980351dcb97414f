"""Measurements of the pipeline, most of them beside a peer: `python -m benchmarks.run [NAME ...]`."""
