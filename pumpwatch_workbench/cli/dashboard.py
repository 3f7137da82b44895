"""`pumpwatch dashboard`: the live page of an installation, in a browser."""

from __future__ import annotations

import json
import threading
from typing import Annotated

import typer

from pumpwatch_workbench.cli.operating import Choice, Mode, StackName, Store
from pumpwatch_workbench.cli.options import AsJson, Region, check_range
from pumpwatch_workbench.dashboard.serve import page_on
from pumpwatch_workbench.dashboard.sources import StackSource, StoreSource
from pumpwatch_workbench.play.desk.play import stop_on_signals


def dashboard(
    *,
    port: Annotated[int, typer.Option(help="Its port; 0: a free one.")] = 8080,
    address: Annotated[
        str, typer.Option(metavar="IP", help="Where to serve it; another needs --token-env.")
    ] = "127.0.0.1",
    token_env: Annotated[
        str, typer.Option(metavar="NAME", help="Variable with the token that opens it.")
    ] = "",
    store: Store = None,
    mode: Mode = None,
    stack: StackName = "",
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Show an installation in a browser while it works, and act there.

    It reads the running or newest store on this machine beside its desk, or a deployed stage with
    your AWS credentials, which is only shown. Whoever has the token may halt, resume and close.
    Ctrl-C ends it; the desk goes on.

    Examples:
      pumpwatch dashboard
      pumpwatch dashboard --stack pumpwatch --region eu-central-1 --port 0
    """
    check_range("--port", port, 0, 65_535)
    choice, stop = Choice(store, mode, stack, region), threading.Event()
    stores = choice.stores()
    source = StoreSource(stores[0]) if stores else StackSource(choice.find_stack())
    shown = page_on(source, port, address, token_env, option="--port")
    with stop_on_signals(stop), shown as said:
        typer.echo(json.dumps({"open": said}) if as_json else f"Open in a browser: {said}")
        stop.wait()
