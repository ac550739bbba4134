"""The stack at one moment, and the machines under it: what is there, how fresh that is, what room is left."""
