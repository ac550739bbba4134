"""Flask sources by their syntax tree: routes, what they take and answer, and what matters in an outage."""
