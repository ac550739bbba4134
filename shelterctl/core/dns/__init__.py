"""What the names of a stack must resolve to, and what an answer shows."""
