"""Nodes of a cluster on this machine: a shell in each, the images that they have, and the clusters whose nodes are containers of Docker."""
