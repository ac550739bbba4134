"""The autoscaler: explained as it is now."""
