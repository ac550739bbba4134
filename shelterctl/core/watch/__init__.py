"""What `status watch` has seen so far: the state, its history and the changes in words."""
