"""What the operations need from the world. Adapters fulfil these protocols for one kind of target; nothing here names one.

A *target* runs stacks: a cluster, or whatever else starts replicas and scales them. A *stack* is what `shelterctl up` deploys: the
application, its database and what scales them. A *pod* is one running replica of a workload, wherever it runs. What only some targets
have is a *capability*; a target without it says so, with what to run instead (`target.Lacking`). Every method may raise
`ShelterError`s and nothing else on purpose.
"""
