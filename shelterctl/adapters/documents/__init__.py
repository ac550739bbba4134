"""Reads documents straight from the database, past the service, by a program that needs nothing of shelterctl."""
