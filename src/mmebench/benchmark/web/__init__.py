"""The page on which one watches a benchmark from its beginning to its end."""
