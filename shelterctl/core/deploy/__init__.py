"""From sources to running pods: the image chain, what is applied, and whether a rollout is complete, waiting or lost."""
