"""A stack in a Kubernetes cluster: apply, look, watch, run in a pod, kill, remove."""
