#!/usr/bin/env python3
"""Builds the sample crawl: two WARC archives, one WET archive and planted.tsv, the list of what was planted where.

Run it from anywhere: `python3 sample-data/crawl/make_crawl.py`. Standard library only. Dates, record ids and gzip
headers are fixed, so the same Python and zlib give the same bytes. (Another zlib may deflate to other lengths; the
uncompressed records stay the same.)

Sources: texts/*.txt hold the prose, pages/*.html the poor pages, chrome.py the HTML around the prose.
This file holds the plan: which page is served how, what is copied, what is damaged.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import struct
import sys
import uuid
import zlib

sys.dont_write_bytecode = True  # leave no __pycache__ beside the data
import chrome

HERE = pathlib.Path(__file__).resolve().parent
CRAWL_START = datetime.datetime(2025, 2, 11, 6, 0, 0)
AGENT = "samplebot/1.0 (+https://www.example.org/bot)"
UTF8_META = '<meta charset="utf-8">\n'

# --- The plan: how single articles are served. Everything not named here is plain UTF-8. ------------------------

# slug: (Python codec, charset in the Content-Type header or None, <meta> in the page, what it shows)
CHARSETS = {
    "fr-marche": ("iso-8859-1", "ISO-8859-1", "", "ISO-8859-1, named in the header"),
    "ru-poezd": ("cp1251", None, '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">\n', "windows-1251, named in meta http-equiv only"),
    "ja-kissaten": ("shift_jis", "Shift_JIS", "", "Shift_JIS, named in the header"),
    "pl-piekarnia": ("cp1250", None, '<meta charset="windows-1250">\n', "windows-1250, named in meta charset only"),
    "zh-chaguan": ("gbk", "gbk", "", "GBK, named in the header"),
    "de-brotzeit": ("cp1252", None, "", "windows-1252, named nowhere"),
    "interview-clockmaker": ("cp1252", "ISO-8859-1", "", "windows-1252 quotation marks behind the label ISO-8859-1"),
    "off-by-one": ("utf-8-sig", "ISO-8859-1", "", "UTF-8 with a byte order mark, header says ISO-8859-1"),
    "vi-cho-noi": ("utf-8", None, "", "UTF-8, named nowhere"),
}
# slug: (transfer, what it shows); see `transfer_body`
TRANSFERS = {
    "fixing-a-puncture": ("chunked", "Transfer-Encoding: chunked"),
    "lecture-tides": ("chunked-ext", "chunked with a chunk extension and a trailer"),
    "slow-train": ("gzip", "Content-Encoding: gzip"),
    "salt-pans": ("deflate", "Content-Encoding: deflate (zlib wrapper)"),
    "rain-barrel": ("raw-deflate", "Content-Encoding: deflate (raw, no wrapper)"),
    "last-ferry": ("chunked+gzip", "chunked and gzip together"),
    "contour-lines": ("crawler-decoded", "gzip header renamed X-Crawler-Content-Encoding, body already decoded"),
}
# slug: (response headers, tags in <head>, what it shows)
OPT_OUTS = {
    "optout-header": ([("X-Robots-Tag", "noai, noimageai")], "", "X-Robots-Tag: noai, noimageai"),
    "optout-noindex": ([], '<meta name="robots" content="noindex, nofollow">\n', "meta robots noindex"),
    "optout-tdm": ([("tdm-reservation", "1"), ("tdm-policy", "https://atelier.example/tdm.json")], "", "header tdm-reservation: 1"),
    "sharpening-a-knife": ([], '<meta name="robots" content="index, noai">\n', "meta robots noai"),
    "bees-and-clocks": ([], '<meta name="tdm-reservation" content="1">\n', "meta tdm-reservation 1"),
}
DAMAGED = {
    "lying-length-page": "WARC Content-Length 700 bytes larger than the record",
    "broken-chunk-page": "second chunk size is not a hexadecimal number",
    "after-garbage-page": "96 bytes that belong to no member lie before this page's request record",
    "truncated-page": "the file ends in the middle of this member",
}
MOJIBAKE = "choir-of-strangers"
RESOURCE = "old-typewriter"

# pages/<name>.html: (url, expected drop, what it shows)
POOR_PAGES = {
    "keyword-stuffing": ("https://sheds.example.com/cheap-garden-sheds", "repetition", "keyword stuffing: one phrase over and over"),
    "seo-city-list": ("https://plumber-near-you.example.net/areas", "repetition", "one sentence for ten towns"),
    "repeated-lines": ("https://calm.example.org/affirmations", "repetition", "repeated lines"),
    "repeated-paragraph": ("https://bayflat.example.com/", "repetition", "two paragraphs, each given twice"),
    "placeholder-template": ("https://acme.example.com/about", "c4 lorem ipsum", "an English page with a lorem ipsum line left in"),
    "lorem-ipsum": ("https://theme-demo.example.org/sample-page", "language", "nothing but lorem ipsum"),
    "javascript-required": ("https://app.example.com/account", "too few words", "a page that asks for JavaScript"),
    "curly-brackets": ("https://bytes.example.net/first-template", "c4 curly bracket", "prose with curly brackets"),
    "link-list": ("https://links.example.net/garden", "too few words", "a list of links"),
    "price-table": ("https://bolts.example.com/prices", "alphabetic words", "a price table"),
    "empty-body": ("https://parked.example.net/", "no text", "an empty body"),
    "twelve-words": ("https://icecream.example.org/", "too few words", "a page of twelve words"),
    "bullets-only": ("https://trails.example.net/packing-list", "bullet lines", "every line starts with a bullet"),
    "hashtags": ("https://pics.example.com/p/1834", "symbols per word", "rows of hashtags"),
    "forum-short-lines": ("https://forum.example.org/t/bike-lock?page=3", "short lines", "a forum thread of short lines"),
    "teasers-ellipsis": ("https://portal.example.net/latest", "ellipsis lines", "teasers that end in three dots"),
    "long-words": ("https://docs.example.com/devices", "mean word length", "identifiers of forty characters"),
    "no-stop-words": ("https://bags.example.com/", "stop words", "an advertisement without stop words"),
    "no-punctuation": ("https://town.example.org/sitemap", "line punctuation", "lines without end marks"),
    "log-numbers": ("https://gauge.example.org/carrow-bridge", "alphabetic words", "rows of readings"),
    "machine-apology": ("https://kettles.example.com/10-best", "", "fluent machine text with tell-tale phrases; the heuristics keep it"),
}


# --- Articles ---------------------------------------------------------------------------------------------------


def read_articles():
    """texts/*.txt: `@@ slug`, `key: value` lines, a blank line, then blocks separated by blank lines."""
    articles = {}
    for path in sorted((HERE / "texts").glob("*.txt")):
        for part in path.read_text(encoding="utf-8").split("@@ ")[1:]:
            header, *blocks = part.strip().split("\n\n")
            slug, *fields = header.split("\n")
            art = {"slug": slug, "lang": "en"}
            art.update(field.split(": ", 1) for field in fields)
            art["blocks"] = [block.strip() for block in blocks]
            if slug in articles:
                raise ValueError(f"{path.name}: slug given twice: {slug}")
            articles[slug] = art
    return articles


def article_url(art):
    return f"https://{chrome.SITES[art['site']][0]}/{art['date'][:4]}/{art['slug']}"


def changed(art, replace=(), drop=(), before=(), after=(), **fields):
    """A copy of an article with words replaced, blocks dropped (by their first words) and blocks added."""
    blocks = [b for b in art["blocks"] if not any(b.startswith(start) for start in drop)]
    if len(blocks) != len(art["blocks"]) - len(drop):
        raise ValueError(f"{art['slug']}: a block to drop was not found")
    for old, new in replace:
        if not any(old in b for b in blocks):
            raise ValueError(f"{art['slug']}: not found: {old}")
        blocks = [b.replace(old, new) for b in blocks]
    return {**art, **fields, "blocks": [*before, *blocks, *after]}


def related_to(art, articles):
    same_site = [a for a in articles.values() if a["site"] == art["site"] and a["slug"] != art["slug"]]
    return [(a["title"], article_url(a)) for a in same_site[:4]]


# --- Pages: what a server said ----------------------------------------------------------------------------------


def make_page(url, body, group, planted="", expected="kept", content_type="text/html; charset=UTF-8", status="200 OK", headers=(), transfer=None, slug=""):
    return {
        "url": url, "body": body, "group": group, "planted": planted, "expected": expected, "slug": slug,
        "content_type": content_type, "status": status, "headers": list(headers), "transfer": transfer,
    }


def article_page(art, articles, url=None, template=None, **kw):
    text = chrome.page(art, related_to(art, articles), template=template)
    return make_page(url or article_url(art), text.encode("utf-8"), slug=art["slug"], **kw)


def mojibake(text):
    """UTF-8 read as windows-1252 (and as Latin-1 where windows-1252 has no character), then stored as UTF-8."""
    out = []
    for byte in text.encode("utf-8"):
        try:
            out.append(bytes([byte]).decode("cp1252"))
        except UnicodeDecodeError:
            out.append(chr(byte))
    return "".join(out)


def curly_quotes(text):
    """Straight quotation marks to curly ones: an opening mark stands at the start or after a space."""
    out = []
    for i, c in enumerate(text):
        opening = i == 0 or text[i - 1] in " \n("
        out.append({'"': "“" if opening else "”", "'": "‘" if opening else "’"}.get(c, c))
    return "".join(out)


def plain_article_pages(articles):
    """Every article once, at its own address."""
    for slug, art in articles.items():
        codec, charset, meta, notes = "utf-8", "UTF-8", UTF8_META, []
        headers, extra, group = [], "", "article" if art["lang"] == "en" else "language"
        expected = "kept" if art["lang"] == "en" else "language"
        if slug in CHARSETS:
            codec, charset, meta, note = CHARSETS[slug]
            notes, group = [note], "charset"
        if slug in OPT_OUTS:
            headers, extra, note = OPT_OUTS[slug]
            notes, group, expected = [note], "opt-out", "opt-out where the config honours it, else kept"
        if slug in DAMAGED:
            notes, group = [DAMAGED[slug]], "damage"
            expected = "kept" if slug == "after-garbage-page" else "fault"
        if slug in (MOJIBAKE, "interview-clockmaker"):
            art = {**art, "blocks": [curly_quotes(b) for b in art["blocks"]]}
        if slug == MOJIBAKE:
            art = {**art, "blocks": [mojibake(b) for b in art["blocks"]]}
            notes, group = ["valid UTF-8 that holds mojibake (â€™ for an apostrophe)"], "charset"
        transfer = None
        if slug in TRANSFERS:
            transfer, note = TRANSFERS[slug]
            notes, group = [note], "transfer"
        if slug == "broken-chunk-page":
            transfer = "broken-chunk"
        if slug == RESOURCE:
            transfer, notes, group = "resource", ["a resource record: no HTTP headers"], "transfer"
        if slug == "lighthouse-keeper-second-review":
            notes, group = ["shares two paragraphs with another review: too far from it to be a near duplicate"], "near duplicate"
        if art["lang"] != "en" and not notes:
            notes = [f"an article in {art['lang']}"]
        body = chrome.page(art, related_to(art, articles), charset_meta=meta, extra=extra).encode(codec, "xmlcharrefreplace")
        content_type = f"text/html; charset={charset}" if charset else "text/html"
        yield make_page(article_url(art), body, group, "; ".join(notes), expected, content_type, headers=headers, transfer=transfer, slug=slug)


def exact_duplicates(articles):
    """The same text under another address."""
    mill, pools, soup, train = (articles[s] for s in ("how-a-watermill-works", "tide-pools", "lentil-soup", "slow-train"))
    dup = dict(group="exact duplicate")

    def of(art):
        return f"duplicate of {article_url(art)}"

    yield article_page(mill, articles, article_url(mill) + "?utm_source=letter&utm_medium=email", planted="same page, tracking parameters", expected=of(mill), **dup)
    yield article_page(mill, articles, "https://millstream.example/2024/how-a-watermill-works/", planted="same page, no www, trailing slash", expected=of(mill), **dup)
    yield article_page(pools, articles, "http://shore.example.org/2023/tide-pools#rocks", planted="same page, http, fragment", expected=of(pools), **dup)
    yield article_page({**soup, "site": "mirror"}, articles, "https://mirror.example.com/crumb/lentil-soup", planted="same text on a mirror host, other links around it", expected=of(soup), **dup)
    yield article_page(train, articles, article_url(train) + "?ref=feed", planted="same page, ref parameter, not gzipped", expected=of(train), **dup)


def near_duplicates(articles):
    """Nearly the same text, and one pair that is too far apart to count."""
    near = dict(group="near duplicate")

    def of(art):
        return f"duplicate of {article_url(art)}"

    pencil = articles["history-of-the-pencil"]
    syndicated = changed(
        pencil, site="wire", by="Country Wire", replace=[("The rest is detail", "The remainder is detail")],
        before=["This article first appeared in The Carrow Review and is reprinted here with the permission of the author."],
    )
    yield article_page(syndicated, articles, "https://wire.example.net/history/the-pencil", planted="banner paragraph added, one word changed", expected=of(pencil), **near)

    village = articles["history-of-harrowford"]
    shorter = changed(village, drop=["## 1547", "The chantry was dissolved"])
    yield article_page(shorter, articles, "https://harrowford.example/old/history.html", planted="one section dropped", expected=of(village), **near)

    bridge = articles["bridge-closure"]
    update = changed(
        bridge, site="wire", replace=[("six weeks from Monday", "seven weeks from Monday")],
        after=["The county said on Friday that the work would take a week longer than planned."],
    )
    yield article_page(update, articles, "https://wire.example.net/local/carrow-bridge", planted="one word changed, a sentence added at the end", expected=of(bridge), **near)

    swifts = articles["swifts-return"]
    respelt = changed(swifts, replace=[("ten past seven in the evening", "10 past seven in the evening"), ("together with spit", "togehter with spit"), ("two or three thousand metres", "two or three thousand meters")])
    yield article_page(respelt, articles, "https://shore.example.org/archive/swifts", planted="a number, a spelling and a typing error changed", expected=of(swifts), **near)

    minutes = articles["annual-meeting"]
    corrected = changed(minutes, replace=[("8,214", "8,241"), ("412,000", "421,000"), ("48 votes", "47 votes")])
    yield article_page(corrected, articles, "https://harrowford.example/wind/minutes-corrected", planted="only digits differ: equal after the digits are normalised", expected=of(minutes), **near)

    hashing = articles["hash-tables"]
    yield article_page(hashing, articles, article_url(hashing) + "?print=1", template="print", planted="the printed version", expected=of(hashing), **near)


def poor_pages():
    for name, (url, drop, planted) in POOR_PAGES.items():
        body = (HERE / "pages" / f"{name}.html").read_bytes()
        yield make_page(url, body, "poor", planted, drop or "kept", slug=name)


def not_pages():
    """Answers that are no page: errors, redirects, other types."""
    def html_of(title, text):
        return f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>\n".encode()

    yield make_page("https://gazette.example.com/2019/gone", html_of("404 Not Found", "The page that you were looking for is not here. It may have been moved, or it may never have existed."), "status", "status 404", "status", status="404 Not Found")
    yield make_page("http://crumb.example.com/soup", html_of("301 Moved Permanently", "The document has moved."), "status", "status 301", "status", status="301 Moved Permanently", headers=[("Location", "https://crumb.example.com/2024/lentil-soup")])
    yield make_page("https://app.example.com/report", html_of("500 Internal Server Error", "Something went wrong on our side. Please try again later."), "status", "status 500", "status", status="500 Internal Server Error")
    yield make_page("https://harrowford.example/leaflet.pdf", small_pdf("Harrowford: a walk round the village"), "type", "a PDF", "content type", content_type="application/pdf")
    feed = {"version": "1", "items": [{"id": 1, "title": "Low water at 06:12"}, {"id": 2, "title": "High water at 12:31"}]}
    yield make_page("https://shore.example.org/api/tides.json", json.dumps(feed, indent=1).encode(), "type", "a JSON answer", "content type", content_type="application/json")


def small_pdf(line):
    """A PDF of one page and one line, with a correct cross-reference table."""
    stream = f"BT /F1 18 Tf 72 760 Td ({line}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    xref = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"xref\n0 6\n0000000000 65535 f \n" + xref + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)


# --- Bytes: HTTP, WARC, gzip ------------------------------------------------------------------------------------


def deflate(data, wbits):
    engine = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return engine.compress(data) + engine.flush()


def gzip_member(data):
    """One gzip member with a fixed header: no time, no name, unknown system."""
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    return header + deflate(data, -15) + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def chunks(data, size=1500, extension=b"", trailer=b""):
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    framed = b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in parts)
    return framed + b"0\r\n" + trailer + b"\r\n"


def transfer_body(body, transfer):
    """The body as it went over the wire, and the headers that say so."""
    if transfer is None:
        return body, [("Content-Length", str(len(body)))]
    if transfer == "chunked":
        return chunks(body), [("Transfer-Encoding", "chunked")]
    if transfer == "chunked-ext":
        return chunks(body, 1024, b";n=1", b"X-Checksum: none\r\n"), [("Transfer-Encoding", "chunked"), ("Trailer", "X-Checksum")]
    if transfer == "chunked+gzip":
        return chunks(gzip_member(body), 700), [("Transfer-Encoding", "chunked"), ("Content-Encoding", "gzip")]
    if transfer == "broken-chunk":
        good = chunks(body, 1800)
        second = good.index(b"\r\n", 1800 + 5) + 2  # the second chunk's size line follows the first chunk's data
        end = good.index(b"\r\n", second)
        return good[:second] + b"zz9" + good[end:], [("Transfer-Encoding", "chunked")]
    if transfer == "crawler-decoded":
        return body, [("X-Crawler-Content-Encoding", "gzip"), ("Content-Length", str(len(body)))]
    packed = {"gzip": lambda: gzip_member(body), "deflate": lambda: deflate(body, 15), "raw-deflate": lambda: deflate(body, -15)}[transfer]()
    name = "gzip" if transfer == "gzip" else "deflate"
    return packed, [("Content-Encoding", name), ("Content-Length", str(len(packed)))]


def sha1(data):
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def record_id(kind, archive, url):
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {archive} {url}')}>"


def header_block(first_line, fields):
    return "\r\n".join([first_line, *(f"{k}: {v}" for k, v in fields)]).encode() + b"\r\n\r\n"


def warc_record(kind, rid, date, block, fields=(), length=None):
    named = [("WARC-Type", kind), ("WARC-Date", date), ("WARC-Record-ID", rid), ("Content-Length", len(block) if length is None else length)]
    return header_block("WARC/1.0", [*named, *fields, ("WARC-Block-Digest", sha1(block))]) + block + b"\r\n\r\n"


def warcinfo(archive, rid, software):
    fields = {"isPartOf": "SAMPLE-2025-07", "publisher": "gristmill sample data", "description": "A crawl of sites that do not exist", "software": software, "format": "WARC File Format 1.0"}
    block = "".join(f"{k}: {v}\r\n" for k, v in fields.items()).encode() + b"\r\n"
    return warc_record("warcinfo", rid, stamp(0), block, [("Content-Type", "application/warc-fields"), ("WARC-Filename", archive)])


def stamp(seconds):
    return (CRAWL_START + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def page_records(page, archive, info_id, date):
    """The records of one page as (kind, id, bytes): request, response, metadata; or one resource record."""
    url = page["url"]
    host, _, path = url.split("://", 1)[1].partition("/")
    target = [("WARC-Warcinfo-ID", info_id), ("WARC-Target-URI", url)]
    payload_type = [("WARC-Identified-Payload-Type", page["content_type"].split(";")[0])]
    if page["transfer"] == "resource":
        rid = record_id("resource", archive, url)
        return [("resource", rid, warc_record("resource", rid, date, page["body"], [("Content-Type", page["content_type"]), *target]))]

    request_id, response_id, metadata_id = (record_id(kind, archive, url) for kind in ("request", "response", "metadata"))
    address = [("WARC-IP-Address", "192.0.2.80")]
    asked = header_block(f"GET /{path.split('#')[0]} HTTP/1.1", [("User-Agent", AGENT), ("Accept", "text/html,*/*;q=0.8"), ("Accept-Encoding", "gzip"), ("Host", host), ("Connection", "Keep-Alive")])
    wire, framing = transfer_body(page["body"], page["transfer"])
    http_date = ("Date", datetime.datetime.strptime(date, "%Y-%m-%dT%H:%M:%SZ").strftime("%a, %d %b %Y %H:%M:%S GMT"))
    answer = header_block(f"HTTP/1.1 {page['status']}", [http_date, ("Server", "sample"), ("Content-Type", page["content_type"]), *page["headers"], *framing]) + wire
    length = len(answer) + 700 if page["slug"] == "lying-length-page" else None
    response = warc_record("response", response_id, date, answer, [("Content-Type", "application/http; msgtype=response"), ("WARC-Concurrent-To", request_id), *address, *target, ("WARC-Payload-Digest", sha1(wire)), *payload_type], length)
    fetched = f"fetchTimeMs: {len(wire) % 400 + 40}\r\n".encode()
    return [
        ("request", request_id, warc_record("request", request_id, date, asked, [("Content-Type", "application/http; msgtype=request"), *address, *target])),
        ("response", response_id, response),
        ("metadata", metadata_id, warc_record("metadata", metadata_id, date, fetched, [("Content-Type", "application/warc-fields"), ("WARC-Concurrent-To", response_id), *target])),
    ]


def revisit_record(archive, info_id, date, url):
    rid = record_id("revisit", archive, url)
    block = header_block("HTTP/1.1 304 Not Modified", [("Server", "sample")])
    profile = ("WARC-Profile", "http://netpreserve.org/warc/1.0/revisit/server-not-modified")
    return warc_record("revisit", rid, date, block, [("Content-Type", "application/http; msgtype=response"), ("WARC-Warcinfo-ID", info_id), ("WARC-Target-URI", url), profile])


GARBAGE = (b"\x00\xff" * 16 + b"these bytes belong to no member; skip " + b"\xfe\x01" * 16)[:96]


def write_warc(archive, pages, start_s, revisit_url=None):
    """Writes one archive and returns the rows of planted.tsv. The last page, if it is the truncated one, is cut."""
    info_id = record_id("warcinfo", archive, archive)
    out, rows = bytearray(gzip_member(warcinfo(archive, info_id, "make_crawl.py"))), []
    for number, page in enumerate(pages):
        date = stamp(start_s + 7 * number)
        if page["slug"] == "after-garbage-page":
            out += GARBAGE
        for kind, rid, data in page_records(page, archive, info_id, date):
            member = gzip_member(data)
            if kind in ("response", "resource"):
                cut = page["slug"] == "truncated-page"
                member = member[: len(member) * 11 // 20] if cut else member
                rows.append([archive, len(out), rid[10:-1], page["url"], page["status"].split()[0], page["content_type"], page["group"], page["planted"], page["expected"]])
                out += member
                if cut:
                    break
            else:
                out += member
        if revisit_url and number == 2:
            out += gzip_member(revisit_record(archive, info_id, date, revisit_url))
    (HERE / archive).write_bytes(out)
    return rows


WET_PAGES = ["how-a-watermill-works", "tide-pools", "spring-in-the-apiary", "hash-tables", "annual-meeting", "first-library-job", "de-leuchtturm", "es-faro"]


def write_wet(archive, articles, response_ids):
    """Conversion records: menu, title and text one after another, as a plain HTML-to-text step leaves them."""
    out = bytearray(gzip_member(warcinfo(archive, record_id("warcinfo", archive, archive), "make_crawl.py, text")))
    for number, slug in enumerate(WET_PAGES):
        art = articles[slug]
        url, site = article_url(art), chrome.SITES[art["site"]][1]
        lines = [f"{art['title']} | {site}", *chrome.MENU, art["title"], *art["blocks"]]
        text = "\n".join(line.removeprefix("## ") for line in lines).encode("utf-8") + b"\n"
        rid = record_id("conversion", archive, url)
        language = {"en": "eng", "de": "deu", "es": "spa"}[art["lang"]]
        out += gzip_member(warc_record("conversion", rid, stamp(86_400 + 7 * number), text, [("Content-Type", "text/plain"), ("WARC-Target-URI", url), ("WARC-Refers-To", f"<urn:uuid:{response_ids[url]}>"), ("WARC-Identified-Content-Language", language)]))
    (HERE / archive).write_bytes(out)


# --- The whole --------------------------------------------------------------------------------------------------


def main():
    articles = read_articles()
    pages = [*plain_article_pages(articles), *exact_duplicates(articles), *near_duplicates(articles), *poor_pages(), *not_pages()]
    urls = [page["url"] for page in pages]
    if len(set(urls)) != len(urls):
        raise ValueError("an address is used twice")
    # A crawler meets pages in no useful order. Names decide it, so that it never changes.
    pages.sort(key=lambda page: uuid.uuid5(uuid.NAMESPACE_URL, page["url"]).hex)
    fixed = {"lying-length-page": 0, "broken-chunk-page": 0, "after-garbage-page": 1, "truncated-page": 1}
    halves = ([], [])
    for number, page in enumerate(pages):
        halves[fixed.get(page["slug"], number % 2)].append(page)
    halves[1].sort(key=lambda page: page["slug"] == "truncated-page")  # stable: only moves that page to the end

    rows = write_warc("sample-00000.warc.gz", halves[0], 60)
    rows += write_warc("sample-00001.warc.gz", halves[1], 3660, revisit_url=article_url(articles["tide-pools"]))
    write_wet("sample.warc.wet.gz", articles, {row[3]: row[2] for row in rows})
    columns = ["archive", "offset", "record_id", "url", "status", "content_type", "group", "planted", "expected"]
    table = "\n".join("\t".join(map(str, row)) for row in [columns, *rows]) + "\n"
    (HERE / "planted.tsv").write_text(table, encoding="utf-8", newline="\n")
    print(f"{len(rows)} pages, {len(articles)} texts")


if __name__ == "__main__":
    main()
