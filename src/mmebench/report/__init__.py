"""Pictures and tables for people, made from results only."""
