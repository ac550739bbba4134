"""A fault under writes: the account of every write, the proof of the kill, the recovery and the verdict."""
