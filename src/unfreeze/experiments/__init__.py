"""Many runs: from settings to a comparison folder."""
