"""Makes the files of an image in a folder, by the Dockerfile's own lines, without an engine.

``python -m deploy.cloudrun.image.tree EXTRA FOLDER [--target operator]``. What it cannot make is
the base: the interpreter and the system's libraries are this machine's.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from deploy.cloudrun.image.dockerfile import Stage, Step, expanded, read_dockerfile, words
from deploy.cloudrun.image.ignored import read_ignored
from shared.errors import UserError

ROOT: Final = Path(__file__).resolve().parents[3]
DOCKERFILE: Final = ROOT / "deploy" / "cloudrun" / "Dockerfile"

_PLACE: Final = re.compile(r"(?:^|[\s\"'=])/\w")
_SHELL: Final = "/bin/sh"


@dataclass(frozen=True, slots=True)
class Run:
    """A RUN line, ready to be run.

    Attributes:
        stage: it stands in.
        command: for the shell.
        folder: where it runs.
        environ: what it sees; places of the image are places of the tree.
    """

    stage: str
    command: str
    folder: Path
    environ: Mapping[str, str]


Runner = Callable[[Run], None]


def shell(run: Run) -> None:
    """Run a RUN line on this machine; ``python3`` is the interpreter that runs us.

    Raises:
        UserError: it fails; what it said is on the screen.
    """
    environ = {**os.environ, **run.environ}
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(  # noqa: S603 - the Dockerfile's own line
        [_SHELL, "-e", "-c", run.command], cwd=run.folder, env=environ, check=False
    )
    if done.returncode:
        raise UserError(f"RUN in the stage {run.stage} failed: read what it said above")


@dataclass(slots=True)
class Image:
    """An image as files.

    Attributes:
        folder: its root.
        environ: its ENV lines.
        workdir: where its process starts, in the image.
        user: ``uid:gid``, empty for root.
        entrypoint: words before ``command``.
        command: what it starts, unless told otherwise.
        variables: ARG and ENV of the stage.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def place(self, path: str) -> Path:
        """Return where a place of the image lies in the tree."""
        return self.folder / path.removeprefix("/")

    def started_as(self, *command: str) -> tuple[list[str], dict[str, str], Path]:
        """Return words, environment and folder of its process, with the tree's places.

        What an engine would find in the base, the words find on this machine.
        """
        environ = {
            name: os.pathsep.join(self._here(part) for part in value.split(os.pathsep))
            for name, value in self.environ.items()
        }
        argv = [*self.entrypoint, *(command or self.command)]
        program = shutil.which(argv[0], path=environ.get("PATH"))
        if program is None:
            raise UserError(f"{argv[0]} is not in the image")
        return [program, *argv[1:]], environ, self.place(self.workdir)

    def _here(self, part: str) -> str:
        return str(self.place(part)) if part[:1] == "/" and self.place(part).exists() else part


class Builder:
    """Builds stages, each once.

    Args:
        folder: must not exist; holds one folder a stage.
        arguments: build arguments.
        run: what to do with a RUN line.
        dockerfile: its text, ours when None.
        root: of the context.
    """

    def __init__(
        self,
        folder: Path,
        arguments: Mapping[str, str],
        *,
        run: Runner = shell,
        dockerfile: str | None = None,
        root: Path = ROOT,
    ) -> None:
        text = DOCKERFILE.read_text(encoding="utf-8") if dockerfile is None else dockerfile
        self._stages = read_dockerfile(text, arguments)
        self._arguments = arguments
        self._folder = folder
        self._root = root
        self._run = run
        self._ignored = read_ignored((root / ".dockerignore").read_text(encoding="utf-8"))
        self._built: dict[str, Image] = {}

    def build(self, target: str | None = None) -> Image:
        """Return a stage's files, the last one's when none is named.

        Raises:
            UserError: there is no such stage, or a line of it cannot be carried out.
        """
        name = target or list(self._stages)[-1]
        if name not in self._stages:
            raise UserError(f"no stage {name}: name one of {', '.join(self._stages)}")
        if name not in self._built:
            self._built[name] = self._made(self._stages[name])
        return self._built[name]

    def _made(self, stage: Stage) -> Image:
        image = Image(self._folder / stage.name)
        if stage.base in self._stages:
            base = self.build(stage.base)
            shutil.copytree(base.folder, image.folder, symlinks=True, copy_function=_linked)
            image.environ, image.workdir, image.user = dict(base.environ), base.workdir, base.user
        else:
            image.folder.mkdir(parents=True)
        image.variables = dict(image.environ)
        for step in stage.steps:
            self._do(stage, step, image)
        return image

    def _do(self, stage: Stage, step: Step, image: Image) -> None:
        match step.word:
            case "ARG":
                name, has_default, default = step.rest.partition("=")
                if name not in self._arguments and not has_default:
                    raise UserError(f"line {step.line}: give the build argument {name}")
                image.variables[name] = self._arguments.get(name, default)
            case "ENV":
                name, _, value = step.rest.partition("=")
                image.environ[name] = image.variables[name] = expanded(value, image.variables)
            case "WORKDIR":
                image.workdir = expanded(step.rest, image.variables)
                image.place(image.workdir).mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(step, image)
            case "RUN":
                self._execute(stage, step, image)
            case "USER":
                image.user = step.rest
            case "CMD":
                image.command = words(step)
            case _:
                image.entrypoint = words(step)

    def _copy(self, step: Step, image: Image) -> None:
        *sources, target = expanded(step.rest, image.variables).split()
        into = image.place(str(PurePosixPath(image.workdir) / target))
        if sources[0].startswith("--from="):
            other = self.build(sources.pop(0).removeprefix("--from="))
            for source in sources:
                if not other.place(source).is_dir():
                    raise UserError(f"line {step.line}: there is no folder {source} to copy")
                shutil.copytree(
                    other.place(source),
                    into,
                    symlinks=True,
                    copy_function=_linked,
                    dirs_exist_ok=True,
                )
            return
        for source in sources:
            here = self._root / source
            if not here.exists() or self._ignored(PurePosixPath(source)):
                raise UserError(
                    f"line {step.line}: there is no {source}, or .dockerignore hides it"
                )
            if here.is_dir():
                shutil.copytree(
                    here,
                    into,
                    ignore=self._left_out,
                    copy_function=_copied,
                    dirs_exist_ok=True,
                )
            else:
                one = into / here.name if target.endswith("/") else into
                one.parent.mkdir(parents=True, exist_ok=True)
                _copied(str(here), str(one))

    def _left_out(self, folder: str, names: list[str]) -> list[str]:
        inside = Path(folder).relative_to(self._root)
        return [name for name in names if self._ignored(PurePosixPath(inside, name))]

    def _execute(self, stage: Stage, step: Step, image: Image) -> None:
        if _PLACE.search(step.rest):
            raise UserError(f"line {step.line}: RUN names a place: put it into a variable")
        environ = {
            name: str(image.place(value)) if value.startswith("/") else value
            for name, value in image.variables.items()
        }
        self._run(Run(stage.name, step.rest, image.place(image.workdir), environ))


def _linked(source: str, target: str) -> str:
    """Put a file of one stage into another; what was there is another stage's, too."""
    Path(target).unlink(missing_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def _copied(source: str, target: str) -> str:
    """Put a file of the context into a stage."""
    Path(target).unlink(missing_ok=True)
    shutil.copy2(source, target)
    return target


def main(arguments: Sequence[str] | None = None) -> None:
    """Make an image's files and say how its process is started."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cloudrun.image.tree")
    parser.add_argument("extra", help="what the build argument EXTRA is: ingest, ocr, … or cli")
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--target", help="operator, with the extra cli")
    chosen = parser.parse_args(arguments)
    try:
        image = Builder(chosen.folder, {"EXTRA": chosen.extra}).build(chosen.target)
        argv, environ, folder = image.started_as()
    except UserError as error:
        parser.exit(2, f"{error}\n")
    told = " ".join(f"{name}={value}" for name, value in environ.items())
    print(f"cd {folder}; env -i {told} {' '.join(argv)}")  # noqa: T201 - this is the output


if __name__ == "__main__":
    main()
