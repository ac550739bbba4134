"""Runs a swarm of Locust users as a process of its own."""
