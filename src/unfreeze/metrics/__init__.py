"""Scores as plain functions on lists of strings, equal to scikit-learn and seqeval. No torch."""
