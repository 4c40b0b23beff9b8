"""The one exception for mistakes a user can mend."""


class UserError(ValueError):
    """A mistake in the user's input; its text is one line naming the file or field and the fix."""
