"""Every file the program writes goes through here: whole or not at all."""
