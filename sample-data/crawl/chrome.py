"""What stands around an article: the HTML of a dozen invented sites.

Extraction is only worth testing on pages that have something to throw away, so each template carries what its
kind of site carries: navigation, a cookie banner, related links, scripts, JSON-LD, comments, a footer. The prose
itself lives in texts/ and is never touched here.
"""

import html
import json
import re

SITES = {
    # key: (host, name, template, licence link)
    "mill": ("www.millstream.example", "Millstream Magazine", "magazine", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "spoke": ("spoke.example.org", "Spoke and Hub", "blog", None),
    "crumb": ("crumb.example.com", "The Crumb", "blog", None),
    "review": ("review.example.net", "The Carrow Review", "magazine", None),
    "notebook": ("notebook.example.com", "A Common Notebook", "blog", None),
    "workshop": ("workshop.example.org", "Workshop Pages", "plain", None),
    "shore": ("shore.example.org", "Between the Tides", "encyclopedia", "https://creativecommons.org/licenses/by/4.0/"),
    "garden": ("lindenyard.example", "Linden Yard", "blog", None),
    "trails": ("trails.example.net", "Trails and Ridges", "magazine", None),
    "harrow": ("harrowford.example", "Harrowford", "plain", None),
    "gazette": ("gazette.example.com", "Carrow Gazette", "news", None),
    "course": ("courses.example.org", "Open Lecture Notes", "course", "https://creativecommons.org/licenses/by/4.0/"),
    "bytes": ("bytes.example.net", "Small Bytes", "blog", None),
    "atelier": ("atelier.example", "Atelier Dyer's Lane", "plain", None),
    "welt-de": ("de.example.org", "Küstenblatt", "magazine", None),
    "monde-fr": ("fr.example.org", "La Place du Marché", "blog", None),
    "mundo-es": ("es.example.org", "Cuaderno del Norte", "blog", None),
    "swiat-pl": ("pl.example.org", "Ulica Młyńska", "plain", None),
    "svet-ru": ("ru.example.org", "Светлый угол", "plain", None),
    "ellada": ("el.example.org", "Το Λιμάνι", "blog", None),
    "arabi": ("ar.example.org", "حكايات الجبل", "magazine", None),
    "bharat": ("hi.example.org", "गाँव की बातें", "blog", None),
    "nihon": ("ja.example.org", "坂道通信", "plain", None),
    "zhongwen": ("zh.example.org", "老街笔记", "magazine", None),
    "vietnam": ("vi.example.org", "Bến Sông", "blog", None),
    "wire": ("wire.example.net", "Country Wire", "news", None),
    "mirror": ("mirror.example.com", "The Crumb", "blog", None),
}

COOKIE_BANNER = (
    '<div id="consent" class="cookie-banner" role="dialog"><p>We use cookies to remember your settings. '
    'See our cookie policy.</p><button>Accept all</button> <button>Settings</button></div>'
)
MENU = ["Home", "Latest", "Archive", "About", "Contact"]


def esc(text):
    return html.escape(text, quote=False)


def render_body(blocks):
    """The article's blocks as HTML. Marks: `## ` heading, `- ` and `1. ` lists, `Q: ` an interviewer's question."""
    out = []
    for block in blocks:
        lines = block.split("\n")
        if block.startswith("## "):
            out.append(f"<h2>{esc(block[3:])}</h2>")
        elif block.startswith("- "):
            out.append("<ul>\n" + "\n".join(f"<li>{esc(line[2:])}</li>" for line in lines) + "\n</ul>")
        elif re.match(r"\d+\. ", block):
            items = (re.sub(r"^\d+\. ", "", line) for line in lines)
            out.append("<ol>\n" + "\n".join(f"<li>{esc(item)}</li>" for item in items) + "\n</ol>")
        elif block.startswith("Q: "):
            out.append(f'<p class="question"><strong>{esc(block[3:])}</strong></p>')
        else:
            out.append(f"<p>{esc(block)}</p>")
    return "\n".join(out)


def menu(tag="nav"):
    links = "".join(f'<li><a href="/{name.lower()}">{name}</a></li>' for name in MENU)
    return f'<{tag} class="menu"><ul>{links}</ul></{tag}>'


def related_links(related):
    return "\n".join(f'<li><a href="{url}">{esc(title)}</a></li>' for title, url in related)


def licence_link(url):
    return f'<p>Text: <a rel="license" href="{url}">Creative Commons</a></p>' if url else ""


def json_ld(art, site_name):
    data = {
        "@context": "https://schema.org",
        "@type": "Article",
        "headline": art["title"],
        "datePublished": art["date"],
        "author": {"@type": "Person", "name": art["by"]},
        "publisher": {"@type": "Organization", "name": site_name},
    }
    return f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>'


def head(art, site_name, charset_meta, extra=""):
    direction = ' dir="rtl"' if art["lang"] == "ar" else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{art["lang"]}"{direction}>\n<head>\n{charset_meta}'
        f"<title>{esc(art['title'])} | {esc(site_name)}</title>\n"
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="author" content="{html.escape(art["by"])}">\n{extra}</head>\n'
    )


def magazine(art, body, name, meta, extra, related, licence):
    extra += f'<meta property="og:title" content="{html.escape(art["title"])}">\n{json_ld(art, name)}\n'
    return (
        head(art, name, meta, extra)
        + f'<body class="single">\n<header class="site-header"><a class="logo" href="/">{esc(name)}</a>{menu()}</header>\n{COOKIE_BANNER}\n'
        + f'<main><article>\n<h1>{esc(art["title"])}</h1>\n<p class="byline">{esc(art["by"])}, <time datetime="{art["date"]}">{art["date"]}</time></p>\n'
        + f"{body}\n</article></main>\n"
        + f'<aside class="sidebar"><h3>Most read</h3><ul>{related_links(related)}</ul><div class="ad" id="ad-slot-1"></div></aside>\n'
        + f'<footer>{licence_link(licence)}<p>© {esc(name)}. All pages are part of a sample crawl.</p></footer>\n'
        + '<script>(function(){var s={"page":"article","ab":3};window.stats=s;})();</script>\n</body>\n</html>\n'
    )


def blog(art, body, name, meta, extra, related, licence):
    extra += "<style>.entry-content p{margin:1em 0}.sidebar{float:right}</style>\n"
    comments = (
        '<section id="comments"><h3>2 comments</h3><ol>'
        "<li><cite>Wren</cite> <p>Thank you, I never knew that!</p></li>"
        "<li><cite>old_hand</cite> <p>Nice post, keep them coming.</p></li></ol></section>\n"
        if art["lang"] == "en"
        else ""
    )
    return (
        head(art, name, meta, extra)
        + f'<body>\n<div id="page">\n<div id="masthead"><h2 class="site-title"><a href="/">{esc(name)}</a></h2>{menu("div")}</div>\n'
        + f'<div id="content"><div class="post hentry">\n<h1 class="entry-title">{esc(art["title"])}</h1>\n'
        + f'<div class="entry-meta">Posted on {art["date"]} by {esc(art["by"])}</div>\n<div class="entry-content">\n{body}\n</div>\n'
        + '<div class="sharedaddy"><a href="#">Share</a> <a href="#">Print</a> <a href="#">Mail</a></div>\n</div>\n'
        + f'{comments}</div>\n<div class="sidebar widget-area"><h4>Recent posts</h4><ul>{related_links(related)}</ul></div>\n'
        + f'<div id="colophon">{licence_link(licence)}Proudly hand-made. {esc(name)}.</div>\n</div>\n{COOKIE_BANNER}\n</body>\n</html>\n'
    )


def news(art, body, name, meta, extra, related, licence):
    extra += json_ld(art, name) + "\n"
    return (
        head(art, name, meta, extra)
        + f'<body>\n<div class="topbar">Sign in | Subscribe | Newsletter</div>\n<header><a href="/">{esc(name)}</a>{menu()}</header>\n'
        + f'<div class="breadcrumb"><a href="/">Home</a> &gt; <a href="/local">Local</a></div>\n'
        + f'<div class="story"><h1>{esc(art["title"])}</h1>\n<div class="meta">By {esc(art["by"])} | {art["date"]}</div>\n'
        + f'<div class="story-body" itemprop="articleBody">\n{body}\n</div></div>\n'
        + f'<div class="more"><h3>More from this section</h3><ul>{related_links(related)}</ul></div>\n'
        + f'<footer>{menu("div")}{licence_link(licence)}<p>{esc(name)}. Registered office: 1 Station Road.</p></footer>\n{COOKIE_BANNER}\n'
        + '<script src="/static/app.js" async></script>\n</body>\n</html>\n'
    )


def encyclopedia(art, body, name, meta, extra, related, licence):
    return (
        head(art, name, meta, extra)
        + f'<body class="mediawiki">\n<div id="mw-navigation"><h2>Navigation</h2>{menu("div")}</div>\n'
        + f'<div id="content"><h1 id="firstHeading">{esc(art["title"])}</h1>\n<div id="siteSub">From {esc(name)}</div>\n'
        + f'<div id="mw-content-text">\n{body}\n</div>\n'
        + f'<div id="catlinks">Categories: <a href="/c/shore">Shore</a> | <a href="/c/nature">Nature</a></div>\n'
        + f'<div class="see-also"><ul>{related_links(related)}</ul></div></div>\n'
        + f'<div id="footer">{licence_link(licence)}<p>This page was last changed on {art["date"]} by {esc(art["by"])}.</p></div>\n</body>\n</html>\n'
    )


def course(art, body, name, meta, extra, related, licence):
    return (
        head(art, name, meta, extra)
        + f'<body>\n<nav>{menu("div")}</nav>\n<main class="lecture">\n<h1>{esc(art["title"])}</h1>\n<p class="info">{esc(art["by"])}</p>\n{body}\n</main>\n'
        + f'<nav class="pager"><ul>{related_links(related)}</ul></nav>\n<footer>{licence_link(licence)}</footer>\n</body>\n</html>\n'
    )


def plain(art, body, name, meta, extra, related, licence):
    """A page as they were made by hand around 1999: a layout table, no semantic element at all."""
    return (
        head(art, name, meta, extra)
        + '<body bgcolor="#ffffff" text="#000000">\n<table width="100%" cellpadding="6"><tr>\n'
        + f'<td width="140" valign="top"><b>{esc(name)}</b> <a href="/">Home</a> <a href="/list">List of all pages</a> <a href="/guestbook">Guestbook</a></td>\n'
        + f'<td valign="top">\n<h1>{esc(art["title"])}</h1>\n<i>{esc(art["by"])}, {art["date"]}</i>\n{body}\n</td></tr></table>\n'
        + f'<hr><font size="1">{licence_link(licence)}Best viewed with any browser.</font>\n</body>\n</html>\n'
    )


def print_version(art, body, name, meta, extra, related, licence):
    return (
        head(art, name, meta, extra + '<link rel="stylesheet" href="/print.css" media="print">\n')
        + f'<body onload="window.print()">\n<div class="print"><p>Printed from {esc(name)}</p>\n<h1>{esc(art["title"])}</h1>\n{body}\n</div>\n</body>\n</html>\n'
    )


TEMPLATES = {
    "magazine": magazine,
    "blog": blog,
    "news": news,
    "encyclopedia": encyclopedia,
    "course": course,
    "plain": plain,
    "print": print_version,
}


def page(art, related=(), template=None, charset_meta='<meta charset="utf-8">\n', extra=""):
    """One article as the full HTML page of its site."""
    _, name, own_template, licence = SITES[art["site"]]
    render = TEMPLATES[template or own_template]
    return render(art, render_body(art["blocks"]), name, charset_meta, extra, related, licence)
