"""Asking names from inside: what the API has of Services and pods, and a pod made to ask from."""
