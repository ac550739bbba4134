"""Names, asked from inside the stack."""
