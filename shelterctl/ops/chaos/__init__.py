"""Faults, injected under writes and accounted for."""
