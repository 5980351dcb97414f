"""The kernel, episodes and walk-forward windows."""
