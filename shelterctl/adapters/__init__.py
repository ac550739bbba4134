"""Adapters: one module for each thing outside. They fulfil `shelterctl.ports` and never import operations or the command line."""
