"""What speaks against a verdict of a run, and against runs that are set side by side."""
