"""A user's own stack on a cluster: their objects applied, their parts recognized, their database read from its own pod."""
