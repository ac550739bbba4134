"""Builds the application's image with this machine's Docker, from sources whose hash is its tag, and reads it as an archive of layers."""
