"""From records to lines and displays."""
