"""A load that runs inside the cluster, as a Job."""
