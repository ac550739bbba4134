"""A user's own stack on this machine: their start command, packages, variables, probes, autoscaler, and what cannot be had here."""
