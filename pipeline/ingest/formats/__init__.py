"""One module a raw format: `recognises` and `read`, and nothing else that anyone needs to know."""
