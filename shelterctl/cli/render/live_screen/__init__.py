"""The live screen of `status watch` and of a load: its lines, its graph, how it is redrawn, the picture of it."""
