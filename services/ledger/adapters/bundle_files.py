"""Bundles as a folder or a ZIP file: written the same each time, read without trust."""

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from services.ledger.bundles import BundleError, Opener

_CHUNK: Final = 1 << 16

_DAY_ZERO: Final = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP file can name: the same bytes whenever it is written."""


def write_bundle(target: Path, files: Iterable[tuple[str, Iterator[bytes]]]) -> None:
    """Write a bundle: a ZIP file where the name ends in ``.zip``, else a new folder.

    It appears whole or not at all.

    Raises:
        FileExistsError: something is there.
        OSError: it cannot be written.
    """
    part = target.with_name(f"{target.name}.part")
    if target.exists():
        raise FileExistsError(17, "something is there already", str(target))
    if target.suffix == ".zip":
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for name, content in files:
                info = zipfile.ZipInfo(name, _DAY_ZERO)
                info.create_system, info.external_attr = 3, 0o644 << 16
                with archive.open(info, "w", force_zip64=True) as out:
                    for chunk in content:
                        out.write(chunk)
    else:
        part.mkdir()
        for name, content in files:
            with (part / name).open("wb") as out:
                for chunk in content:
                    out.write(chunk)
    part.rename(target)


@contextmanager
def opened_bundle(path: Path) -> Iterator[tuple[list[str], Opener]]:
    """Give the names of a bundle's files, and what streams one.

    Raises:
        BundleError: it is neither a folder nor a ZIP file, or is damaged.
    """
    if path.is_dir():
        yield [one.name for one in path.iterdir()], lambda name: _of_file(path / name)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive.namelist(), lambda name: _of_archive(archive, name)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as err:
        raise BundleError("not a ZIP file that can be read, and no folder") from err


def _of_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            yield chunk


def _of_archive(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as source:
        while chunk := source.read(_CHUNK):
            yield chunk
