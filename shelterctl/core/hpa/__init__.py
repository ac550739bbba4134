"""The HorizontalPodAutoscaler's controller: what it decides from a reading, and why. Agrees with the controller's own code."""
