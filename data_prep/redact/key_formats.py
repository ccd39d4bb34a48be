# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The shapes of vendors' keys and tokens.

Those of detect-secrets (Yelp, 1.5.0) are read from the plugins of the installed package; newer and
other vendors' are listed here, from the vendors' documentation. RE2 looks for what they begin with
(all patterns whole in one automaton are 20 times slower, as its states no longer fit); there, each
shape's own pattern is tried.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterator

from data_prep.redact.scan import compile_scan

_W, _U, _H = "[A-Za-z0-9]", "[A-Za-z0-9_-]", "[0-9a-f]"
_UUID = rf"{_H}{{8}}-{_H}{{4}}-{_H}{{4}}-{_H}{{4}}-{_H}{{12}}"

# By vendor: what a key begins with, and what follows.
FORMATS = {
    "1password": (r"ops_eyJ", r"[A-Za-z0-9+/]{200,}=*"),
    "1password_secret": (r"A3-[A-Z0-9]{6}-", r"[A-Z0-9]{6}-?[A-Z0-9]{5}(?:-[A-Z0-9]{5}){3}"),
    "adafruit": (r"aio_", rf"{_W}{{28}}"),
    "adobe": (r"p8e-", rf"{_W}{{32}}"),
    "age": (r"AGE-SECRET-KEY-1", r"[0-9A-Z]{58}"),
    "airtable": (rf"pat{_W}{{14}}\.", rf"{_H}{{64}}"),
    "alibaba": (r"LTAI", rf"{_W}{{12,24}}"),
    "anthropic": (r"sk-ant-", rf"{_U}{{80,}}"),
    "artifactory": (r"AKCp", rf"{_W}{{69}}"),
    "artifactory_reference": (r"cmVmd", rf"{_W}{{59}}"),
    "atlassian": (r"AT[AC]TT3", r"[A-Za-z0-9_=-]{180,}"),
    "aws_bedrock": (r"ABSK", r"[A-Za-z0-9+/]{109,}=*"),
    "azure_sas": (r"sig=", r"[A-Za-z0-9%]{43,53}%3[dD]"),
    "clojars": (r"CLOJARS_", r"[0-9a-z]{60}"),
    "cloudflare_origin": (rf"v1\.0-{_H}", rf"{_H}{{23}}-{_H}{{146}}"),
    "databricks": (rf"dapi{_H}", rf"{_H}{{31}}(?:-[0-9])?"),
    "digital_ocean": (r"do[opr]_v1_", rf"{_H}{{64}}"),
    "discord_hook": (
        r"https://(?:canary\.|ptb\.)?discord(?:app)?\.com/api/webhooks/",
        rf"[0-9]{{17,20}}/{_U}{{60,}}",
    ),
    "docker": (r"dckr_[po]at_", rf"{_U}{{27,32}}"),
    "doppler": (r"dp\.(?:pt|st|ct)\.", rf"(?:[a-z0-9_-]{{2,35}}\.)?{_W}{{40,44}}"),
    "dropbox": (rf"sl\.{_U}{{20}}", rf"{_U}{{110,}}"),
    "duffel": (r"duffel_(?:test|live)_", rf"{_U}{{43}}"),
    "dynatrace": (r"dt0[a-z][0-9][0-9]\.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    "easypost": (r"EZ[AT]K", rf"{_W}{{54}}"),
    "facebook": (r"EAA[A-Z]", rf"{_W}{{80,}}"),
    "figma": (r"figd_", rf"{_U}{{40,}}"),
    "firebase": (rf"AAAA{_U}{{7}}:", rf"{_U}{{140}}"),
    "fly": (r"fm[12][ar]?_", r"[A-Za-z0-9+/=]{100,}"),
    "fly_old": (r"fo1_", rf"{_U}{{43}}"),
    "github_fine_grained": (r"github_pat_", rf"{_W}{{22}}_{_W}{{59}}"),
    "gitlab": (
        r"gl(?:pat|ptt|dt|rt|ft|soat|ffct|imt|agent|cbt|oas)-",
        rf"{_U}{{20,}}(?:\.{_U}{{2,}})*",
    ),
    "google": (r"AIza", rf"{_U}{{35}}"),
    "google_oauth": (r"GOCSPX-", rf"{_U}{{28}}"),
    "google_access": (r"ya29\.", rf"{_U}{{60,}}"),
    "google_refresh": (r"1//0", rf"{_U}{{60,}}"),
    "grafana": (r"glsa_", rf"{_W}{{32}}_{_H}{{8}}"),
    "grafana_cloud": (r"glc_", r"[A-Za-z0-9+/]{32,}=*"),
    "groq": (r"gsk_", rf"{_W}{{50,}}"),
    "heroku": (r"HRKU-", rf"{_U}{{36,}}"),
    "hubspot": (r"pat-(?:na|eu)[0-9]-", _UUID),
    "hugging_face": (r"(?:hf|api_org)_", r"[A-Za-z]{34}"),
    "intra42": (r"s-s4t2(?:ud|af)-", rf"{_H}{{64}}"),
    "jwt": (rf"eyJ{_U}{{10,}}\.eyJ", rf"{_U}{{10,}}\.{_U}{{20,}}"),
    "linear": (r"lin_(?:api|oauth)_", rf"{_W}{{40,64}}"),
    "mailgun": (rf"(?:pub)?key-{_H}{{8}}", rf"{_H}{{24}}"),
    "mapbox": (r"sk\.eyJ", rf"{_U}{{60,}}\.{_U}{{20,}}"),
    "new_relic": (r"NR(?:AK|II|RA|AA)-", r"[A-Za-z0-9-]{27,40}"),
    "notion": (r"ntn_", rf"{_W}{{43,46}}"),
    "npm": (rf"npm_{_W}{{8}}", rf"{_W}{{28}}"),
    "nuget": (r"oy2[a-z0-9]{8}", r"[a-z0-9]{35}"),
    "openai": (rf"sk-{_W}{{16}}", rf"{_W}{{32}}"),
    "openai_project": (r"sk-(?:proj|svcacct|admin|or-v1)-", rf"{_U}{{40,}}"),
    "planet_scale": (r"pscale_(?:tkn|pw|oauth)_", r"[A-Za-z0-9=._-]{32,64}"),
    "postman": (r"PMAK-", rf"{_H}{{24}}-{_H}{{34}}"),
    "pulumi": (rf"pul-{_H}{{8}}", rf"{_H}{{32}}"),
    "rubygems": (r"rubygems_", rf"{_H}{{48}}"),
    "sendinblue": (r"xkeysib-", rf"{_H}{{64}}-{_W}{{16}}"),
    "sentry": (r"sntry[su]_", r"[A-Za-z0-9+/=_]{64,}"),
    "shippo": (r"shippo_(?:live|test)_", rf"{_H}{{40}}"),
    "shopify": (r"shp(?:at|ss|ca|pa)_", rf"{_H}{{32}}"),
    "slack_app": (r"xapp-[0-9]-", rf"[A-Z0-9]+-[0-9]+-{_W}{{32,}}"),
    "slack": (r"xox[abeoprs]", rf"(?:-{_W}{{8,}}){{2,}}"),
    "slack_hook": (
        r"https://hooks\.slack\.com/",
        r"(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,60}",
    ),
    "sonar": (rf"sq[upa]_{_H}{{8}}", rf"{_H}{{32}}"),
    "sourcegraph": (r"sgp_", r"(?:[0-9A-Fa-f]{16}_|local_)?[0-9A-Fa-f]{40}"),
    "square": (r"sq0(?:atp|csp|idp)-", rf"{_U}{{22,43}}"),
    "square_access": (rf"EAAA{_U}{{20}}", rf"{_U}{{40}}"),
    "stripe": (r"[rs]k_(?:live|test|prod)_", rf"{_W}{{16,}}"),
    "stripe_hook": (r"whsec_", rf"{_W}{{32,}}"),
    "supabase": (rf"sbp_{_H}{{8}}", rf"{_H}{{32}}"),
    "supabase_secret": (r"sb_secret_", rf"{_U}{{20,}}"),
    "tailscale": (r"tskey-", rf"[a-z]+-{_W}{{10,}}-{_W}{{20,}}"),
    "vault": (rf"hv[sbr]\.{_U}{{8}}", rf"{_U}{{16,}}"),
    "yandex": (r"AQVN", rf"{_U}{{35,38}}"),
    "yandex_oauth": (rf"y[0-3]_{_W}{{8}}", rf"{_U}{{46,}}"),
}
# Plugins of detect-secrets whose pattern is a key as a whole, by module: the class, and what its
# keys begin with, or None where that is nothing in particular. Those that look for a name and a
# value (Cloudant, IBM, SoftLayer, Keyword, the entropy plugins) are the business of `keys`.
_PLUGINS = {
    "artifactory": ("ArtifactoryDetector", r"AKC[a-zA-Z0-9]{8}"),
    "aws": ("AWSKeyDetector", r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{8}"),
    "azure_storage_key": ("AzureStorageKeyDetector", r"AccountKey="),
    "discord": ("DiscordBotTokenDetector", None),
    "github_token": ("GitHubTokenDetector", r"gh[pousr]_"),
    "gitlab_token": ("GitLabTokenDetector", r"GR1348941"),
    "mailchimp": ("MailchimpDetector", None),
    "openai": ("OpenAIDetector", r"sk-[A-Za-z0-9_-]{20}"),
    "pypi_token": ("PypiTokenDetector", r"pypi-AgE"),
    "sendgrid": ("SendGridDetector", r"SG\.[a-zA-Z0-9_-]{8}"),
    "slack": ("SlackDetector", r"(?:xox|XOX)[a-zA-Z]-"),
    "square_oauth": ("SquareOAuthDetector", r"sq0csp-"),
    "stripe": ("StripeDetector", r"[rs]k_live_"),
    "telegram_token": ("TelegramBotTokenDetector", None),
    "twilio": ("TwilioKeyDetector", r"(?:AC|SK)[a-z0-9]{16}"),
}
# Shapes that are told by their middle: that, and how many characters may stand before it.
_MIDDLES = {
    r"[0-9]Q~": (3, r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
    r"\.atlasv1\.": (14, rf"{_W}{{14}}\.atlasv1\.{_U}{{60,}}"),
    rf"\.{_U}{{6}}\.{_U}{{27}}": (26, "discord"),
    r"-us[0-9]": (32, "mailchimp"),
    rf":AA{_U}{{20}}": (10, "telegram_token"),
}
_LONGEST = 4000
_DELIMITERS = re.compile(r"\(\?:\\s\|[^()]*\)")


def matches(data: bytes) -> Iterator[tuple[int, int]]:
    """Yields (start, end) in bytes of everything in one of the shapes, the longest at its place."""
    for found in compile_scan(_beginnings()).finditer(data):
        start = found.start()
        stop = start + _LONGEST
        ends = [match.end() for shape in _shapes() if (match := shape.match(data, start, stop))]
        if ends:
            yield start, max(ends)
        elif data[start : start + 1] in b".-:0123456789":
            yield from _around(data, start)


def _around(data: bytes, middle: int) -> Iterator[tuple[int, int]]:
    for before, shape in _middles():
        found = shape.search(data, max(0, middle - before), middle + 200)
        if found and found.start() <= middle < found.end():
            yield found.span()


@functools.cache
def _beginnings() -> str:
    cues = [cue for cue, _ in FORMATS.values()] + [cue for _, cue in _PLUGINS.values() if cue]
    cues += _MIDDLES
    return "|".join(f"(?:{cue})" for cue in cues)


@functools.cache
def _shapes() -> tuple[re.Pattern[bytes], ...]:
    own = [cue + rest for cue, rest in FORMATS.values()]
    wrapped = [pattern for module, (_, cue) in _PLUGINS.items() if cue for pattern in _of(module)]
    return tuple(re.compile(pattern.encode()) for pattern in (*own, *wrapped))


@functools.cache
def _middles() -> tuple[tuple[int, re.Pattern[bytes]], ...]:
    return tuple(
        (before, re.compile(pattern.encode()))
        for before, shape in _MIDDLES.values()
        for pattern in (_of(shape) if shape in _PLUGINS else [shape])
    )


def _of(module: str) -> Iterator[str]:
    """The patterns of one plugin of detect-secrets."""
    plugin = getattr(
        importlib.import_module(f"detect_secrets.plugins.{module}"), _PLUGINS[module][0]
    )
    for regex in plugin.denylist:
        # Delimiters belong to the text around; a pattern with quotes asks for a name and a value.
        pattern = _DELIMITERS.sub("", regex.pattern)
        if r"[\'" not in pattern:
            yield f"(?i:{pattern})" if regex.flags & re.IGNORECASE else pattern
