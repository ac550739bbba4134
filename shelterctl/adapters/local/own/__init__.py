"""A user's own stack on this machine: their start command, packages, variables, probes and autoscaler, and what of it cannot be had here."""
