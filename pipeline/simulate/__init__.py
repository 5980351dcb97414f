"""Simulated markets, one process a module."""
