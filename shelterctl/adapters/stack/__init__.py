"""Reads a user's stack from its folder: manifests, Dockerfiles, Flask sources, shelterctl.toml. Nothing is run and nothing is changed."""
