"""The pure core: records in, records out. Imports nothing of ours outside `core`, and does no input or output."""
