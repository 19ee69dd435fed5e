"""Working sets: the same load on more and more targets than fit."""
