"""The facts that `doctor` judges, gathered from this machine, a cluster and the stack."""
