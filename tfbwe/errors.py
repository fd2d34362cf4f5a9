"""The one exception family of the package.

A message names the file, what was expected, what was received and the way out; the command line prints it
as one line and exits with status 1.
"""


class TfbweError(Exception):
    """Root of all errors raised on purpose by this package."""


class AudioError(TfbweError):
    """A sound file or signal that cannot be read, written or processed."""


class ModelError(TfbweError):
    """A model file that is damaged, of another format, or not what its manifest says."""


class StorageError(TfbweError):
    """An address, such as ``s3://bucket/song.mp3``, that cannot be read or written."""


class ConfigError(TfbweError):
    """A setting outside its range, or one that nobody knows."""
