"""Black's formula and its Greeks."""
