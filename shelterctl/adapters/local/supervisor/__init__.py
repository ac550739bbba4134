"""The process that keeps the stack: starts, probes, limits, scales and ends its processes, and answers on a Unix socket."""
