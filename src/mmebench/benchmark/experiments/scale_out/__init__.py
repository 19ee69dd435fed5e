"""Scale-out: a step of the load, until the instances that are added for it help."""
