"""The autoscaler for people: explained, replayed, simulated, and the course of a load under it."""
