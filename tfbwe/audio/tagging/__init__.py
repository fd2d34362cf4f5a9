"""The forms that tags have in sound files, and the way between them."""
