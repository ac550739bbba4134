"""Deploy a Flask and MongoDB application to a cluster and prove what it does there."""

__version__ = "0.1.0"
