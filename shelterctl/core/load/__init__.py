"""A load and what the autoscaler did under it: the plan, the measurements, the timeline and the verdict."""
