"""One kind of each, as another package adds it to mmebench."""
