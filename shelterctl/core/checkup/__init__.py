"""`doctor`'s checks: what a fact means, why it matters, and what mends it."""
