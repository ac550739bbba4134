"""What belongs to a load's one timeline beside the scale-up: the way down after it, its nodes, its faults."""
