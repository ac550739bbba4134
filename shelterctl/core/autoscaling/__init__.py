"""The autoscaler of a stack, explained, replayed from a recording, and simulated under other settings. The rules are `core.hpa`'s."""
