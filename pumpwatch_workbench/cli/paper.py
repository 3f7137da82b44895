"""`pumpwatch paper`: the short form of `pumpwatch desk --mode paper`."""

from __future__ import annotations

from pumpwatch_workbench.cli import desk as long_form
from pumpwatch_workbench.cli.desk import desk


def paper(
    *,
    symbols: long_form.Symbols = None,
    strategy: long_form.Strategy = None,
    detector: long_form.Detector = None,
    duration: long_form.Duration = None,
    store: long_form.Store = None,
    base_url: long_form.BaseUrl = None,
    slack_webhook_env: long_form.WebhookName = None,
    metrics_port: long_form.MetricsPort = None,
    metrics_address: long_form.MetricsAddress = None,
    resume: long_form.Resume = False,
    config: long_form.Config = None,
    set_: long_form.Setting = None,
    as_json: long_form.AsJson = False,
) -> None:
    """Trade on paper with Bybit's real market data: no key, no account, no AWS.

    The short form of pumpwatch desk --mode paper: scans the market every 5 seconds and trades as a
    deployed stack does, with all its protections. Other settings come from the environment and
    pumpwatch.toml, see docs/configuration.md.

    Ctrl-C ends it after the tick at hand with status 0; a second one ends it at once with 130.
    Exit status 1: no network at the start, or no tick that worked.

    Examples:
      pumpwatch paper
      pumpwatch paper --symbols BTCUSDT,DOGEUSDT --duration 8h
      pumpwatch paper --strategy fade --metrics-port 9108 --slack-webhook-env SLACK_WEBHOOK
    """
    desk(
        mode="paper",
        symbols=symbols,
        strategy=strategy,
        detector=detector,
        duration=duration,
        store=store,
        base_url=base_url,
        slack_webhook_env=slack_webhook_env,
        metrics_port=metrics_port,
        metrics_address=metrics_address,
        resume=resume,
        config=config,
        set_=set_,
        as_json=as_json,
    )
