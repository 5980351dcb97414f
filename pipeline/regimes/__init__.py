"""Regime detectors and the causal forward filter."""
