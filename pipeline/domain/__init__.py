"""The words everyone uses: instruments, market state, bands, desk settings, errors."""
