"""The machine under a minikube cluster: its profile, a shell in its nodes, and how an image is sent to them."""
