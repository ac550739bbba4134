"""What the application is told by its variables and its sources: hosts, and how long it waits for them."""
