"""The tree does what the Dockerfile says, and refuses what it cannot do as an engine does it."""

import ast
from functools import cache
from pathlib import Path

import pytest

from deploy.cloudrun.image.tree import DOCKERFILE, ROOT, Builder, Run, main
from shared.errors import UserError

BASE = "FROM base@sha256:" + "0" * 64 + " AS one\n"
OURS = {"shared", "services", "deploy", "examples", "tests"}
SERVICES = ("ingest", "ocr", "summarize", "ledger")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Give a small context."""
    root = tmp_path / "context"
    (root / "code" / "__pycache__").mkdir(parents=True)
    (root / "code" / "a.py").write_text("a = 1\n")
    (root / "code" / "__pycache__" / "a.pyc").write_text("")
    (root / "lock").write_text("x==1\n")
    (root / ".dockerignore").write_text("**/__pycache__\nsecret\n")
    (root / "secret").write_text("")
    return root


def build(context: Path, lines: str, **arguments: str) -> Builder:
    """Return a builder of a Dockerfile."""
    return Builder(context.parent / "out", arguments, dockerfile=BASE + lines, root=context)


def test_copies_land_where_an_engine_puts_them(context: Path) -> None:
    """A folder's content, a file under a new name, a file into a folder; nothing ignored."""
    lines = "ARG X=lock\nWORKDIR /app\nCOPY code/ code/\nCOPY ${X} its.lock\nCOPY lock more/\n"
    image = build(context, lines).build()
    app = image.place("/app")
    found = {path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file()}
    assert found == {"code/a.py", "its.lock", "more/lock"}
    assert image.workdir == "/app"


def test_stages_build_on_each_other_without_changing_each_other(context: Path) -> None:
    """What a later stage adds must not appear in the one it began from."""
    lines = (
        "ENV A=/a\nWORKDIR /app\nCOPY lock a\nFROM one AS two\nCOPY lock b\n"
        "FROM one AS three\nCOPY --from=two /app /app\nUSER 1:2\n"
        'ENTRYPOINT ["sh"]\nCMD ["-c", "x"]\n'
    )
    builder = build(context, lines)
    three = builder.build()
    names = sorted(path.name for path in three.place("/app").iterdir())
    assert names == ["a", "b"]
    assert [path.name for path in builder.build("one").place("/app").iterdir()] == ["a"]
    assert (three.environ, three.user) == ({"A": "/a"}, "1:2")
    assert three.started_as()[0][1:] == ["-c", "x"]
    assert three.started_as("-c", "y")[0][1:] == ["-c", "y"]


def test_run_writes_into_the_tree_and_fails_loudly(context: Path) -> None:
    """Its places come from variables; one of this machine would be written to for real."""
    image = build(context, 'ENV OUT=/opt\nRUN mkdir "${OUT}" && echo 1 > "${OUT}/done"\n').build()
    assert image.place("/opt/done").read_text() == "1\n"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("RUN exit 3\n", "RUN in the stage one failed"),
        ("RUN touch /opt/x\n", "names a place"),
        ('RUN touch "/opt/x"\n', "names a place"),
        ("RUN a --prefix=/opt\n", "names a place"),
        ("ARG EXTRA\n", "give the build argument EXTRA"),
        ("COPY nothing here\n", "there is no nothing"),
        ("FROM one AS two\nCOPY --from=one /app /app\n", "no folder /app to copy"),
        ("COPY secret here\n", ".dockerignore hides it"),
        ("FROM one AS two\nCOPY --from=three /a /a\n", "no stage three"),
        ('CMD ["no-such-program"]\n', "is not in the image"),
    ],
)
def test_line_that_cannot_be_carried_out_is_told(context: Path, lines: str, told: str) -> None:
    """With its number: who wrote it looks there."""
    with pytest.raises(UserError, match=told):
        build(context, lines).build().started_as()


def test_command_line_tells_a_mistake_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder or a target that is none is the user's to mend."""
    with pytest.raises(SystemExit) as ended:
        main(["ocr", str(tmp_path / "x"), "--target", "nothing"])
    assert ended.value.code == 2
    assert "no stage nothing: name one of packages" in capsys.readouterr().err


def nothing(run: Run) -> None:
    """Install nothing, compile nothing."""
    Path(run.environ.get("VENV", run.folder)).mkdir(parents=True, exist_ok=True)


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the modules of ours that a file of the checkout imports."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return frozenset(name for name in names if name.split(".")[0] in OURS)


def missing_in(app: Path, service: str) -> set[tuple[str, str]]:
    """Return which files of an image import what is not in it."""
    # A launcher names every worker's builder; an image has one of them.
    others = {f"services.{one}" for one in SERVICES if service not in {one, "cli"}}
    missing = set()
    for path in sorted(app.rglob("*.py")):
        for name in imported(path.relative_to(app)):
            place = app / name.replace(".", "/")
            if ".".join(name.split(".")[:2]) not in others and not (
                place.is_dir() or place.with_suffix(".py").is_file()
            ):
                missing.add((path.relative_to(app).as_posix(), name))
    return missing


@pytest.mark.parametrize("service", [*SERVICES, "cli"])
def test_every_first_party_import_of_an_image_is_in_it(service: str, tmp_path: Path) -> None:
    """A module that is imported lazily would be missed by whoever only starts the service."""
    stage = "everything" if service == "cli" else "worker"
    image = Builder(tmp_path / "out", {"EXTRA": service}, run=nothing).build(stage)
    assert missing_in(image.place("/app"), service) == set()


def test_forgotten_file_is_found(tmp_path: Path) -> None:
    """The rule above, tried on a Dockerfile that forgets one."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace(" deploy/erasing.py", "")
    builder = Builder(tmp_path / "out", {"EXTRA": "ocr"}, run=nothing, dockerfile=text)
    found = missing_in(builder.build("worker").place("/app"), "ocr")
    assert ("deploy/cloudrun/deployables.py", "deploy.erasing") in found


def test_every_file_of_a_service_is_in_its_image(tmp_path: Path) -> None:
    """Migrations, charts and web pages are no modules, and are needed all the same."""
    app = Builder(tmp_path / "out", {"EXTRA": "ledger"}, run=nothing).build("worker").place("/app")
    here = ROOT / "services" / "ledger"
    wanted = {
        path.relative_to(ROOT)
        for path in here.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    }
    there = {path.relative_to(app) for path in (app / "services/ledger").rglob("*")}
    assert wanted <= there


@pytest.mark.parametrize("target", ["service", "operator"])
def test_images_run_as_nobody_and_start_without_a_shell(target: str, tmp_path: Path) -> None:
    """Whoever breaks in is no root; and SIGTERM reaches the process that has to drain."""
    image = Builder(tmp_path / "out", {"EXTRA": "ingest"}, run=nothing).build(target)
    user, _, group = image.user.partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert [*image.entrypoint, *image.command][:2] == ["python", "-m"]
    assert image.environ["PYTHONDONTWRITEBYTECODE"] == "1"
    assert not {name for name in image.environ if name.startswith("DOCLEDGER_")}
