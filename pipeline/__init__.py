"""regime-hedge: a regime-aware hedging pipeline in which every hedger answers with a no-trade band."""
