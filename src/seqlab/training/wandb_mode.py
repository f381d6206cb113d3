"""Where a W&B run goes: online where a key and a network are there, else onto the disk."""

from __future__ import annotations

import netrc
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from seqlab.errors import UserError

MODES = ("online", "offline", "disabled")
_ALSO_CALLED = {"run": "online", "dryrun": "offline"}  # what WANDB_MODE took in its first years
_CLOUD = "api.wandb.ai"
CONNECT_SECONDS = 2.5


def asked_mode(mode: str | None, environment: Mapping[str, str]) -> str | None:
    """``logger.wandb.mode``, or where that is null what the environment asks for; None if neither does.

    Raises:
        UserError: no such mode.
    """
    where, asked = "logger.wandb.mode", mode
    if asked is None:
        where, asked = "WANDB_MODE", environment.get("WANDB_MODE") or None
        asked = _ALSO_CALLED.get(str(asked), asked)
        if asked is None and environment.get("WANDB_DISABLED", "").lower() in ("1", "true"):
            return "disabled"
    if asked is not None and asked not in MODES:
        raise UserError(
            f"{where}={asked}: choose {', '.join(MODES)}; null is online where a key and a network are there"
        )
    return asked


def has_key(base_url: str, environment: Mapping[str, str]) -> bool:
    """Whether an API key for the server is in the environment or in the netrc file, where W&B reads it."""
    if environment.get("WANDB_API_KEY") or environment.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    path = Path(environment.get("NETRC") or "~/.netrc").expanduser()
    try:
        entries = netrc.netrc(path)
    except (OSError, netrc.NetrcParseError):
        return False
    hosts = [urlsplit(base_url).netloc]
    if not environment.get("WANDB_BASE_URL"):
        hosts.append(_CLOUD)  # keys of the public server count for it under every name it has had
    return any(entry is not None and bool(entry[2]) for entry in map(entries.authenticators, hosts))


def is_reachable(base_url: str) -> bool:
    """Whether the server, or the proxy on the way to it, takes a connection within seconds."""
    server = urlsplit(base_url)
    passes_by = server.hostname is None or proxy_bypass(server.hostname)  # NO_PROXY
    proxy = None if passes_by else getproxies().get(server.scheme)
    target = urlsplit(proxy if proxy and "//" in proxy else f"//{proxy}") if proxy else server
    if target.hostname is None:
        return False
    port = target.port or (80 if target.scheme == "http" else 443)
    try:
        socket.create_connection((target.hostname, port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def choose_mode(mode: str | None, environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    """The mode to run in, and one line that says why it is not online, empty where it was asked for.

    Args:
        mode: ``logger.wandb.mode``: online, offline, disabled, or null for online where that is possible.
        environment: the process's own by default.

    Raises:
        UserError: no such mode.
    """
    environment = os.environ if environment is None else environment
    asked = asked_mode(mode, environment)
    if asked in ("offline", "disabled"):
        return asked, ""
    import wandb

    settings = wandb.setup().settings
    if asked is None and settings.mode in ("offline", "disabled"):  # what `wandb offline` wrote
        return settings.mode, ""
    base_url = environment.get("WANDB_BASE_URL") or settings.base_url
    if not (settings.api_key or has_key(base_url, environment)):
        return (
            "offline",
            "W&B has no API key here (wandb login): this run stays on disk, `wandb sync` sends it",
        )
    if not is_reachable(base_url):
        return "offline", f"{base_url} cannot be reached: this run stays on disk, `wandb sync` sends it"
    return "online", ""
