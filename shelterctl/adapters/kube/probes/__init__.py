"""Programs that run inside a pod. Each is one file that imports nothing of shelterctl."""
