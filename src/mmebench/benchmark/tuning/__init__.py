"""Tuning: a benchmark of one configuration after another, each chosen by what the others came to."""
