"""From sources to a service that answers."""
