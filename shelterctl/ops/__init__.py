"""Operations: one module for each thing that a user does. They take ports, yield events, return a record and never print."""
