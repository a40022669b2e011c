"""The mistakes of whoever starts a server; here, apart from all that serving loads."""


class ServingError(ValueError):
    """What is to be served, or where, cannot be; the message says what to do."""
