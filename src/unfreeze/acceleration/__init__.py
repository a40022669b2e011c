"""The speed levers, each in its own file and each removable."""
