"""From a name to an archive: sources give a model, platforms export it, the archive is what Triton loads."""
