"""What the numbers allow to say: intervals, verdicts, recommendations. Plain numpy, nothing of ours."""
