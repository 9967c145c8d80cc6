"""``docledger topology``: its options. What they do is imported when they do it."""

from typing import Annotated

import typer

from deploy.cli.command import Format, FormatOption, friendly

topology = typer.Typer(
    help="Topics and subscriptions on Pub/Sub, as infra/topology.yaml says.", no_args_is_help=True
)

Project = Annotated[
    str, typer.Option("--project", envvar="GOOGLE_CLOUD_PROJECT", help="The Google Cloud project.")
]
Endpoints = Annotated[
    list[str] | None,
    typer.Option("--endpoint", metavar="WORKER=URL", help="Base URL of a worker; repeat it."),
]
EndpointsFrom = Annotated[
    str | None,
    typer.Option(
        "--endpoints-from",
        metavar="TEMPLATE",
        help="Base URL of all the others, as https://{worker}.example.com.",
    ),
]
Accounts = Annotated[
    list[str] | None,
    typer.Option(
        "--push-account",
        metavar="SUBSCRIPTION=EMAIL",
        help="Service account of a subscription's pushes; repeat it.",
    ),
]
AccountsFrom = Annotated[
    str | None,
    typer.Option(
        "--push-accounts-from",
        metavar="TEMPLATE",
        help="That of all the others, with {worker} or {subscription} (dots become dashes) in it.",
    ),
]
Audiences = Annotated[
    list[str] | None,
    typer.Option(
        "--audience",
        metavar="WORKER=AUDIENCE",
        help="Whom the tokens of a worker's pushes are for, where it is not its base URL.",
    ),
]
KmsKey = Annotated[
    str | None,
    typer.Option("--kms-key", metavar="KEY", help="Cloud KMS key that topics are encrypted with."),
]
Subscriptions = Annotated[list[str] | None, typer.Argument(help="Their names.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Every subscription, dead letters too.")]


@topology.command("apply")
@friendly
def apply(  # noqa: PLR0913, PLR0917 - one option a choice of the deployment
    project: Project,
    endpoint: Endpoints = None,
    endpoints_from: EndpointsFrom = None,
    push_account: Accounts = None,
    push_accounts_from: AccountsFrom = None,
    audience: Audiences = None,
    kms_key: KmsKey = None,
    format_: FormatOption = Format.TABLE,
) -> int:
    """Create what is missing, put right what differs; delete nothing, wake nothing paused."""
    from deploy.cli import topology as command  # noqa: PLC0415 - --help must not wait for it

    target = command.Target.of(
        project, endpoint, endpoints_from, push_account, push_accounts_from, audience
    )
    return command.apply(target, kms_key=kms_key, as_json=format_ is Format.JSON)


@topology.command("diff")
@friendly
def diff(  # noqa: PLR0913, PLR0917 - one option a choice of the deployment
    project: Project,
    endpoint: Endpoints = None,
    endpoints_from: EndpointsFrom = None,
    push_account: Accounts = None,
    push_accounts_from: AccountsFrom = None,
    audience: Audiences = None,
    kms_key: KmsKey = None,
    format_: FormatOption = Format.TABLE,
) -> int:
    """Name every difference, and exit 1 if there is one; what is not given is not compared."""
    from deploy.cli import topology as command  # noqa: PLC0415 - --help must not wait for it

    target = command.Target.of(
        project, endpoint, endpoints_from, push_account, push_accounts_from, audience
    )
    return command.diff(target, kms_key=kms_key, as_json=format_ is Format.JSON)


@topology.command("pause")
@friendly
def pause(
    project: Project,
    subscriptions: Subscriptions = None,
    all_: All = False,  # noqa: FBT002 - a flag
) -> int:
    """Stop pushes; messages wait until they are resumed, or are too old to be kept."""
    from deploy.cli import topology as command  # noqa: PLC0415 - --help must not wait for it

    return command.pause(project, subscriptions, everything=all_)


@topology.command("resume")
@friendly
def resume(  # noqa: PLR0913, PLR0917 - one option a choice of the deployment
    project: Project,
    subscriptions: Subscriptions = None,
    all_: All = False,  # noqa: FBT002 - a flag
    endpoint: Endpoints = None,
    endpoints_from: EndpointsFrom = None,
    push_account: Accounts = None,
    push_accounts_from: AccountsFrom = None,
    audience: Audiences = None,
) -> int:
    """Start pushes again."""
    from deploy.cli import topology as command  # noqa: PLC0415 - --help must not wait for it

    target = command.Target.of(
        project, endpoint, endpoints_from, push_account, push_accounts_from, audience
    )
    return command.resume(target, subscriptions, everything=all_)
