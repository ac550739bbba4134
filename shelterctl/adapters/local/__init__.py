"""The embedded target: a stack as processes of this machine, kept by a supervisor that outlives the command.

What a cluster has as objects is here: a replica is a gunicorn on one shared listening socket, a claim is a folder, the autoscaler is the
controller's model of `core/hpa` over the replicas' own CPU clocks. `supervisor/` runs in a process of its own; everything else here runs
in the command and asks it over a Unix socket.
"""
