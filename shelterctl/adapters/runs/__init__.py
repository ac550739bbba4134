"""The state folder: a folder for each run, and the lock of a stack."""
