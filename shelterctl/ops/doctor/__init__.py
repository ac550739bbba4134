"""Looks at everything, and mends what can be mended without loss."""
