"""The encodings of the Encoding Standard of the WHATWG (https://encoding.spec.whatwg.org), and their labels."""

from __future__ import annotations

import codecs
from collections.abc import Mapping

from distributor.domain.errors import InputError

# Names of encodings in lower case, and the codec of Python for each. Several codecs know more characters than the
# encoding that a file is said to have, as browsers do: windows-1252 for Latin-1, gb18030 for GB 2312.
CODECS: Mapping[str, str] = {
    "utf-8": "utf-8",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "windows-1252": "cp1252",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "windows-1253": "cp1253",
    "windows-1254": "cp1254",
    "windows-1255": "cp1255",
    "windows-1256": "cp1256",
    "windows-1257": "cp1257",
    "windows-1258": "cp1258",
    "windows-874": "cp874",
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    "iso-8859-8-i": "iso8859-8",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "ibm866": "cp866",
    "macintosh": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp_ext",
    "euc-kr": "cp949",
    # Not in the standard; files with its byte order mark exist.
    "utf-32le": "utf-32-le",
    "utf-32be": "utf-32-be",
}
# The labels of each encoding that are neither its name nor a name that Python has for it.
_LABELS: Mapping[str, str] = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8",
    "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16",
    "utf-16be": "unicodefffe",
    "utf-32le": "utf-32",
    "windows-1252": "ansi ansi_x3.4-1968 ansi_x3.4-1986 ibm819 iso-8859-1 iso88591 x-cp1252",
    "windows-1250": "x-cp1250",
    "windows-1251": "x-cp1251",
    "windows-1253": "x-cp1253",
    "windows-1254": "iso-8859-9 iso88599 x-cp1254",
    "windows-1255": "x-cp1255",
    "windows-1256": "x-cp1256",
    "windows-1257": "x-cp1257",
    "windows-1258": "x-cp1258",
    "windows-874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620",
    "iso-8859-6": "csiso88596e csiso88596i iso-8859-6-e iso-8859-6-i",
    "iso-8859-7": "sun_eu_greek",
    "iso-8859-8": "csiso88598e iso-8859-8-e visual",
    "iso-8859-8-i": "csiso88598i logical",
    "iso-8859-15": "csisolatin9",
    "koi8-r": "koi koi8",
    "koi8-u": "koi8-ru",
    "macintosh": "csmacintosh mac x-mac-roman",
    "x-mac-cyrillic": "x-mac-ukrainian",
    "gbk": "csgb2312 gb_2312 gb_2312-80 x-gbk",
    "big5": "cn-big5 x-x-big5",
    "shift_jis": "ms932 ms_kanji windows-31j x-sjis",
    "euc-jp": "cseucpkdfmtjapanese x-euc-jp",
    "euc-kr": "cseuckr csksc56011987 iso-ir-149 ks_c_5601-1989 ksc_5601 windows-949",
}
# Codecs of Python for encodings that the one of the standard includes.
_INCLUDED: Mapping[str, str] = {
    "iso8859-8": "iso-8859-8",
    "gb18030": "gb18030",
    "ascii": "windows-1252",
    "iso8859-1": "windows-1252",
    "iso8859-9": "windows-1254",
    "iso8859-11": "windows-874",
    "tis-620": "windows-874",
    "gb2312": "gbk",
    "gbk": "gbk",
    "big5": "big5",
    "cp950": "big5",
    "shift_jis": "shift_jis",
    "euc_kr": "euc-kr",
    "iso2022_jp": "iso-2022-jp",
    "utf-8-sig": "utf-8",
    "utf-16": "utf-16le",
    "utf-32": "utf-32le",
}
_BY_LABEL = {
    **{name.replace("-", ""): name for name in CODECS if name.startswith("iso-8859-")},
    **{label: name for name, labels in _LABELS.items() for label in labels.split()},
}
_BY_CODEC = {**{codecs.lookup(codec).name: name for name, codec in CODECS.items()}, **_INCLUDED}


def find_encoding(label: str) -> str:
    """The name of the encoding with this label, such as windows-1252 for latin1 and cp1252.

    Labels are those of the standard and the names that Python has for the same encodings, in any case. Raises
    InputError.
    """
    wanted = label.strip().lower()
    name = wanted if wanted in CODECS else _BY_LABEL.get(wanted) or _BY_CODEC.get(_codec_of(wanted))
    if name is None:
        raise InputError(
            f"{label[:40]!r} is not an encoding; give a label of the WHATWG Encoding Standard: {', '.join(CODECS)}"
        )
    return name


def _codec_of(label: str) -> str:
    try:
        return codecs.lookup(label).name
    except (LookupError, ValueError):
        return ""
