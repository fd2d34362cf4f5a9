"""Stores of files, by fsspec: opened when an address is used, with one line for whatever goes wrong.

fsspec is imported here alone. It finds credentials where each store's own tools do: in the environment, in
files of the home folder, at the machine it runs on.
"""

from __future__ import annotations

import contextlib
import errno
import tempfile
from collections.abc import Iterator
from typing import Any

from ..errors import ConfigError, StorageError, TfbweError
from .addresses import file_name, protocol

_IN_EXTRA = ("fsspec", "s3fs", "aiohttp")
"""Packages that the extra `cloud` brings."""
_REASONS = {
    "NoCredentialsError": "no credentials; set those of the store, as for its own command line tool",
    "PartialCredentialsError": "half of the credentials is missing; set the other half",
    "DefaultCredentialsError": "no credentials; set those of the store, as for its own command line tool",
    "EndpointConnectionError": "the store cannot be reached; look at the network and the store's address",
    "ConnectTimeoutError": "the store cannot be reached; look at the network and the store's address",
    "ClientConnectorError": "the host cannot be reached; look at the network and the address",
    "FSTimeoutError": "no answer in time; look at the network, and try again",
}
"""What errors that are no `OSError` mean, by their class."""


def opened(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and what it calls the file there.

    Raises
    ------
    ConfigError
        If a package is missing, the protocol is unknown, or the address lacks a part.
    """
    kind = protocol(address)
    try:
        import fsspec
        from fsspec.registry import known_implementations
    except ModuleNotFoundError:
        raise ConfigError(f"{address}: needs fsspec: pip install 'tfbwe[cloud]'") from None
    try:
        system = fsspec.get_filesystem_class(kind)
    except ValueError:
        raise ConfigError(
            f"{address}: expected a protocol that fsspec knows, such as s3, gs, az or sftp, received {kind}"
        ) from None
    except ImportError:
        known = known_implementations[kind]
        package = known["class"].partition(".")[0]
        if package == "fsspec":  # Another package does the work, and only the text names it.
            raise ConfigError(f"{address}: {known.get('err', 'needs another package')}") from None
        how = "'tfbwe[cloud]'" if package in _IN_EXTRA else package
        raise ConfigError(f"{address}: needs {package}: pip install {how}") from None
    with reaching(address):
        # What was listed once is asked for again: hours may lie between two questions.
        files = system(**system._get_kwargs_from_urls(address), use_listings_cache=False)
        inner = str(system._strip_protocol(address))
    if not inner.strip("/") or file_name(address) not in inner:
        raise ConfigError(f"{address}: expected {kind}://, where it is, and the name of a file or a folder")
    return files, inner


@contextlib.contextmanager
def reaching(address: str) -> Iterator[None]:
    """Make one line of whatever a store, or the way to it, raises."""
    try:
        yield
        return
    except TfbweError:
        raise
    except FileNotFoundError as error:
        why = "there is no such bucket" if no_bucket(error) else "there is no such file"
        if type(error.__cause__).__name__ == "NoSuchUpload":
            why = "the upload was lost on the way; try again"
    except PermissionError as error:
        why = f"no permission ({_first_line(error)}); look at the credentials and what they allow"
    except NotImplementedError:
        why = "the store does not allow it"
    except OSError as error:
        why = _first_line(error)
        if error.errno == errno.ENOSPC:
            why = f"no room in {tempfile.gettempdir()}; set TMPDIR to a folder with more"
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        known = [_REASONS[kind] for kind in kinds if kind in _REASONS]
        why = known[0] if known else f"{kinds[0]}: {_first_line(error)}"
    raise StorageError(f"{address}: {why}") from None


def _first_line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().splitlines()[0].rstrip(".")


def no_bucket(error: Exception) -> bool:
    """Return whether an error says that a bucket is missing, not a file in one."""
    return type(error.__cause__).__name__ == "NoSuchBucket"
