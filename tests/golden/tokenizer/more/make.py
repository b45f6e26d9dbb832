"""Makes this folder: strings that are hard to clean up, through openai/CLIP's
tokenizer. Mojibake of every encoding ftfy knows, entities, odd white space.

    pip install ftfy==6.3.1 regex git+https://github.com/openai/CLIP
    python make.py
"""

import json
import random
import unicodedata
from html.entities import html5
from pathlib import Path

import ftfy
import regex
from clip.simple_tokenizer import SimpleTokenizer, basic_clean, whitespace_clean
from ftfy.badness import MOJIBAKE_CATEGORIES
from ftfy.chardata import CHARMAP_ENCODINGS

HERE = Path(__file__).parent
CONTEXT = 77
pick = random.Random(5)
tokenizer = SimpleTokenizer()

WORDS = (
    "naïve café Straße Привет мир Γειά σου ΣΊΣΥΦΟΣ żółć Łódź İstanbul čšž Ēģņš 日本語の写真 한국어 "
    "สวัสดี नमस्ते مرحبا שלום 😀 👩‍👩‍👧 🇰🇷 “quotes” ‘single’ l’eau – — … € £5 ½ ² © ™ ° à la às fÃ cil Ã "
    "don't it's we'll they've I'm he'd 123 ٣٤٥ Ⅻ ① ﬁ Ǆ ŉ １２ＡＢ ｶﾞ ￣ \u00a0 \u00ad \u2028 \ufeff \u0092 "
    "\x1b[31m \x1b[0;٣m \r\n \n \t \x00 \x1a < &amp; &lt; &eacute; &EACUTE; &SZLIG; &#233; &#xe9; "
    "&#128; &#0; &#xD800; &#59; &amp;amp; &notit; &Aacute &copy2 <|startoftext|> <|endoftext|> 'ſ \u0345"
).split(" ")
SUSPECT = [c for kind in MOJIBAKE_CATEGORIES.values() for c in kind if c != "-"]
SUSPECT += list("ÂÃÎÐØÙŸŒœ√≈‚ÄвЂВГРСΒΓΞΟā€abzAZ.,?! \n\x81\xa0")


def text():
    glue = pick.choice(["", " ", "", "'"])
    return glue.join(pick.choice(WORDS) for _ in range(pick.randint(1, 4)))


def six_byte_surrogates(words):
    """UTF-8 of UTF-16, and C0 80 for the null character."""
    units = words.encode("utf-16-le", "surrogatepass")
    codes = [int.from_bytes(units[at : at + 2], "little") for at in range(0, len(units), 2)]
    return b"".join(
        b"\xc0\x80" if code == 0 else chr(code).encode("utf-8", "surrogatepass") for code in codes
    )


def mojibake(words):
    for _ in range(pick.choice([1, 1, 2])):
        raw = words.encode()
        if pick.random() < 0.15:
            raw = raw.replace(b"\xa0", b" ")
        if pick.random() < 0.15 and raw:
            at = pick.randrange(len(raw))
            raw = raw[:at] + pick.choice([b"\x1a", b"?", b" ", b"", b"\n"]) + raw[at + 1 :]
        words = raw.decode(pick.choice(CHARMAP_ENCODINGS + ["latin-1", "sloppy-windows-1252"]), "replace")
    return words


def entity():
    name = "&" + pick.choice(sorted(html5))
    number = pick.choice([pick.randrange(300), pick.randrange(0x11000)])
    forms = [name, name.rstrip(";"), name.upper(), f"&#{number};", f"&#x{number:X}", "&amp;" + name[1:]]
    return pick.choice(["", "<", "a"]) + pick.choice(forms) + pick.choice(["", ";", "b", "1"])


def line():
    kind = pick.randrange(8)
    if kind == 0:
        return text()
    if kind < 4:
        return mojibake(text())
    if kind == 4:
        return text() + pick.choice(["", " ", "\n"]) + mojibake(text())
    if kind == 5:
        return "".join(pick.choice(SUSPECT) for _ in range(pick.randint(1, 8)))
    if kind == 6:
        raw = six_byte_surrogates(pick.choice(WORDS) + pick.choice(["😀", "🇰🇷", "\0"]))
        raw = raw[: len(raw) - pick.choice([0, 0, 1])]
        return raw.decode(pick.choice(CHARMAP_ENCODINGS), "replace") + pick.choice(["", "\n", "x"])
    return entity()


def is_known(words):
    """Whether Python and every newer Unicode agree about its characters."""
    return all(unicodedata.category(c) not in ("Cn", "Cs") for c in words)


def row(words):
    ids = tokenizer.encode(words)
    start, end = tokenizer.encoder["<|startoftext|>"], tokenizer.encoder["<|endoftext|>"]
    whole = [start, *ids, end]
    cut = whole if len(whole) <= CONTEXT else [*whole[: CONTEXT - 1], end]
    pad = lambda ids: ids + [0] * (CONTEXT - len(ids))
    fits = len(whole) <= CONTEXT
    return {
        "text": words,
        "tokenize": pad(whole) if fits else None,
        "error": None if fits else f"too long for context length {CONTEXT}",
        "truncate_true": pad(cut),
    }


def write(name, rows):
    lines = [json.dumps(row, ensure_ascii=True) for row in rows]
    (HERE / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def main():
    lines = []
    while len(lines) < 700:
        words = line()
        if is_known(words) and is_known(basic_clean(words)) and words not in lines:
            lines.append(words)
    encoded = []
    for words in lines:
        clean = whitespace_clean(basic_clean(words)).lower()
        encoded.append({"text": words, "ids": tokenizer.encode(words), "clean": clean})
    write("encode", encoded)
    lengths = [20, 24, 25, 74, 75, 76, 77, 200]
    write("tokenize", [row(" ".join(["猫"] * length)) for length in lengths])
    draws = [[pick.randrange(49408) for _ in range(pick.randint(1, 9))] for _ in range(60)]
    draws += [[49406, 320, 49407], [127, 49407, 365], []]
    write("decode", [{"ids": ids, "text": tokenizer.decode(ids)} for ids in draws])
    info = {
        "ftfy": ftfy.__version__,
        "regex": regex.__version__,
        "sot": 49406,
        "eot": 49407,
        "context": CONTEXT,
        "n_vocab": 49408,
    }
    (HERE / "info.json").write_text(json.dumps(info, indent=1) + "\n")


main()
