"""A kill of the database of an application that cannot be written to."""
