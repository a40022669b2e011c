"""Streamed prediction and scoring."""
