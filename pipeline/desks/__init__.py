"""Desk files shipped with the package."""
