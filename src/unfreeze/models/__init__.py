"""The pretrained network: loading it safely, and knowing where each of its parameters sits."""
