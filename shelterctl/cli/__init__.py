"""The command line: parses, asks, draws and prints. The only layer that writes to the terminal."""
