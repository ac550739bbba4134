"""What a stack is, derived from its manifests and sources: parts, images, Services, claims, requests, and what is wrong with them."""
