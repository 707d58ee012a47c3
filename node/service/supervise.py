"""Small tools for errors that come out of nurseries."""


def only_error(error: BaseException) -> BaseException:
    """Return the one error inside nested groups of one; of several, the first that is no cancellation's echo."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
