"""XMP packets of every kind that other programs write, made by hand and not by the code under test.

`SOUND` can be extended, `REFUSED` must be left alone (with a word of the reason), and `packets()`
is a hypothesis strategy that combines what real packets differ in.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from hypothesis import strategies as st

from geotagger.metadata.xmp import Alternative, XmpTags
from geotagger.records import Point

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "my": "http://example.com/my#",
}
XMLNS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in SPACES.items())

TAGS = XmpTags(
    point=Point(48.8584, 2.2945),
    radius_km=25.3,
    confidence=0.62,
    level="city",
    continent="Europe",
    country="France",
    country_code="FR",
    region="Île-de-France",
    city="Paris",
    location_id="https://sws.geonames.org/2988507/",
    alternatives=(Alternative("Lyon, France", 45.748, 4.846, 0.11),),
    model="starter-1.1.0@01234567",
    software="geotagger 0.1.0",
    created="2026-01-02T03:04:05Z",
    source_sha256="5d" * 32,
)


def rdf(inside: str, attributes: str = "") -> str:
    return f'<rdf:RDF xmlns:rdf="{RDF}"{attributes}>{inside}</rdf:RDF>'


def description(inside: str = "", attributes: str = "") -> str:
    return f'<rdf:Description rdf:about="" {XMLNS}{attributes}>{inside}</rdf:Description>'


def wrapped(inside: str, end: str = "w", padding: str = " " * 60 + "\n") -> str:
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{inside}</x:xmpmeta>{padding}'
        f'<?xpacket end="{end}"?>'
    )


def packet(inside: str = "", attributes: str = "") -> bytes:
    return wrapped(rdf(description(inside, attributes))).encode()


def bag(name: str, *words: str, kind: str = "Bag") -> str:
    items = "".join(f"<rdf:li>{escape(word)}</rdf:li>" for word in words)
    return f"<{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>"


_RATING = ' xmp:Rating="4"'
_LOCATION = (
    '<Iptc4xmpExt:LocationCreated><rdf:Bag><rdf:li rdf:parseType="Resource">'
    "<Iptc4xmpExt:City>Lyon</Iptc4xmpExt:City></rdf:li></rdf:Bag></Iptc4xmpExt:LocationCreated>"
)
_PRETTY = wrapped(
    f'\n <rdf:RDF xmlns:rdf="{RDF}">\r\n  <rdf:Description rdf:about=""\r\n    {XMLNS}>\r\n'
    "   <dc:subject>\r\n    <rdf:Bag>\r\n     <rdf:li>dog</rdf:li>\r\n    </rdf:Bag>\r\n"
    "   </dc:subject>\r\n  </rdf:Description>\r\n </rdf:RDF>\r\n"
)
_DEFAULT_NAMESPACE = (
    f'<RDF xmlns="{RDF}" xmlns:q="{RDF}" xmlns:d="{SPACES["dc"]}"><Description q:about="">'
    "<d:subject><Bag><li>dog</li></Bag></d:subject></Description></RDF>"
)

SOUND: dict[str, bytes] = {
    "only attributes": packet(attributes=_RATING),
    "keywords": packet(bag("dc:subject", "dog", "Paris")),
    "keywords in a sequence": packet(bag("dc:subject", "dog", kind="Seq")),
    "keywords of all kinds": packet(
        bag("dc:subject", "dog")
        + bag("lr:hierarchicalSubject", "animals|dog")
        + bag("digiKam:TagsList", "animals/dog")
    ),
    "our keywords already": packet(bag("dc:subject", "Predicted place", "Europe")),
    "keywords empty": packet(bag("dc:subject")),
    "keywords in an empty tag": packet("<dc:subject><rdf:Bag /></dc:subject>"),
    "keywords as text": packet("<dc:subject>dog</dc:subject>"),
    "keywords as attribute": packet(attributes=' dc:subject="dog"'),
    "place of another": packet(_LOCATION),
    "city and position of another": packet(
        attributes=' photoshop:City="Lyon" exif:GPSLatitude="45,45N" exif:GPSLongitude="4,50E"'
    ),
    "pretty, CRLF": _PRETTY.encode(),
    "default namespace": _DEFAULT_NAMESPACE.encode(),
    "no wrapper": rdf(description(attributes=_RATING)).encode(),
    "XML declaration": ('<?xml version="1.0" encoding="UTF-8"?>\n' + wrapped(rdf(""))).encode(),
    "byte order mark": b"\xef\xbb\xbf" + packet(attributes=_RATING),
    "UTF-16, marked": b"\xff\xfe"
    + packet(bag("dc:subject", "Straße")).decode().encode("utf-16-le"),
    "UTF-16 big endian": wrapped(rdf(description())).encode("utf-16-be"),
    "UTF-32": wrapped(rdf(description())).encode("utf-32-le"),
    "UTF-16 declared": '\ufeff<?xml version="1.0" encoding="UTF-16"?><rdf:RDF xmlns:rdf="'.encode(
        "utf-16-le"
    )
    + f'{RDF}"/>'.encode("utf-16-le"),
    "read-only": wrapped(rdf(description(attributes=_RATING)), end="r").encode(),
    "no padding": wrapped(rdf(description()), padding="").encode(),
    "zeros behind": packet(attributes=_RATING) + bytes(40),
    "RDF empty": wrapped(rdf("")).encode(),
    "RDF an empty tag": wrapped(f'<rdf:RDF xmlns:rdf="{RDF}"/>').encode(),
    "wrapper empty": wrapped("").encode(),
    "wrapper an empty tag": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
    "subject named": wrapped(
        rdf(f'<rdf:Description rdf:about="uuid:1&quot;&#38;" {XMLNS} xmp:Rating="4"/>')
    ).encode(),
    "subject without prefix": wrapped(rdf(f'<rdf:Description about="" {XMLNS}/>')).encode(),
    "comments and more": packet(
        "<!-- </rdf:RDF> --><?do </rdf:RDF>?>"
        "<my:note><![CDATA[</rdf:Description></rdf:RDF> >]]></my:note>"
        '<my:odd my:a="x &gt; y" />' + bag("dc:subject", "a<b>&c"),
        " my:quoted='\">'",
    )
    + b"<!-- end -->",
    "structures": packet(
        '<my:s rdf:parseType="Resource"><my:a>1</my:a></my:s>'
        "<my:t><rdf:Description><rdf:value>v</rdf:value><my:q>2</my:q></rdf:Description></my:t>"
        '<my:u rdf:resource="http://example.com/"/>'
        '<my:v><rdf:Alt><rdf:li xml:lang="x-default">v</rdf:li></rdf:Alt></my:v>'
    ),
    "our prefix for something else": packet(
        '<geotagger:Kind xmlns:geotagger="http://example.com/">prediction</geotagger:Kind>'
    ),
}

_LATIN = '<?xml version="1.0" encoding="ISO-8859-1"?>'
_CAFE = "<dc:source>caf\xe9</dc:source>"
_LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))

REFUSED: dict[str, tuple[bytes, str]] = {
    "no XML": (b"Exif\0\0", "damaged"),
    "cut off": (packet(bag("dc:subject", "dog"))[:-90], "damaged"),
    "no UTF-8": (rdf(description(_CAFE)).encode("latin-1"), "damaged"),
    "half a UTF-16 character": (wrapped(rdf("")).encode("utf-16-le") + b"x", "damaged"),
    "Latin-1 declared": ((_LATIN + rdf(description(_CAFE))).encode("latin-1"), "ISO-8859-1"),
    "Latin-1 declared, not true": ((_LATIN + rdf(description(_CAFE))).encode(), "ISO-8859-1"),
    "billion laughs": (
        f'<!DOCTYPE r [<!ENTITY l0 "ha">{_LAUGHS}]>{rdf("<my>&l9;</my>")}'.encode(),
        "DOCTYPE",
    ),
    "external entity": (
        f'<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>{rdf(description())}'.encode(),
        "DOCTYPE",
    ),
    "undeclared entity": (packet("<my:a>&auml;</my:a>"), "damaged"),
    "undeclared prefix": (packet("<none:a/>"), "damaged"),
    "no RDF": (b"<svg><g/></svg>", "no rdf:RDF"),
    "RDF twice": (wrapped(rdf("") + rdf("")).encode(), "2 rdf:RDF"),
    "property twice": (packet(bag("dc:subject", "a") + bag("dc:subject", "b")), "subject twice"),
    "attribute and element": (packet("<xmp:Rating>1</xmp:Rating>", _RATING), "Rating twice"),
    "two subjects": (
        wrapped(rdf('<rdf:Description rdf:about="a"/><rdf:Description rdf:about="b"/>')).encode(),
        "more than one thing",
    ),
    "node identifiers": (wrapped(rdf('<rdf:Description rdf:nodeID="a"/>')).encode(), "RDF that"),
    "typed node": (wrapped(rdf(f'<my:Photo xmlns:my="{SPACES["my"]}"/>')).encode(), "RDF that"),
    "too deep": (packet("<my:a>" * 5000 + "</my:a>" * 5000), "too deep"),
    "too many elements": (packet("<my:a/>" * 50_001), "too many elements"),
    "too many comments": (packet("<!---->" * 50_001), "too many elements"),
    "too large": (b" " * (16 << 20) + packet(), "too large"),
}

_WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\ufeff"),
    min_size=1,
    max_size=12,
) | st.sampled_from(["Paris", "Europe", "Predicted place", "dog", "]]>", "a&b"])
_BREAKS = st.sampled_from(["", "\n", "\n  ", "\r\n\t", " "])
_NOISE = st.sampled_from(["", "", "", "<!-- x > y -->", "<?pi </rdf:RDF>?>"])


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """Sound packets."""
    break_ = draw(_BREAKS)

    def array(name: str) -> str:
        kind = draw(st.sampled_from(["Bag", "Seq", "Alt"]))
        items = [f"<rdf:li>{escape(word)}</rdf:li>" for word in draw(st.lists(_WORDS, max_size=4))]
        if not items and draw(st.booleans()):
            return f"<{name}><rdf:{kind}/></{name}>"
        inside = "".join(break_ + draw(_NOISE) + item for item in items)
        return f"<{name}>{break_}<rdf:{kind}>{inside}{break_}</rdf:{kind}></{name}>"

    names = ["dc:subject", "lr:hierarchicalSubject", "digiKam:TagsList", "my:list"]
    chosen = draw(st.lists(st.sampled_from(names), unique=True))
    elements = [array(name) for name in chosen]
    if draw(st.booleans()):
        elements.append(f"<my:text>{escape(draw(_WORDS))}</my:text>")
    if draw(st.booleans()):
        elements.append(_LOCATION)
    elements = draw(st.permutations(elements))
    cut = draw(st.integers(0, len(elements)))
    attributes = draw(
        st.sampled_from(["", _RATING, ' photoshop:City="Lyon"', ' exif:GPSStatus="A"'])
    )
    blocks = [
        description("".join(break_ + draw(_NOISE) + element for element in part) + break_, extra)
        for part, extra in ((elements[:cut], attributes), (elements[cut:], ""))
    ]
    text = rdf(break_ + break_.join(blocks) + break_)
    prefix = draw(st.sampled_from(["rdf", "rdf", "r"]))
    text = text.replace("rdf:", prefix + ":").replace("xmlns:rdf", "xmlns:" + prefix)
    if draw(st.booleans()):
        text = wrapped(text, draw(st.sampled_from("rw")), draw(st.sampled_from(["", " \n" * 50])))
    codec = draw(st.sampled_from(["utf-8"] * 4 + ["utf-16-le", "utf-16-be", "utf-32-be"]))
    mark = "\ufeff" if draw(st.booleans()) else ""
    return (mark + text).encode(codec)


@st.composite
def tags(draw: st.DrawFn) -> XmpTags:
    """Predictions of every level, with names that no gazetteer has."""
    names = draw(st.lists(st.just("") | _WORDS | st.text(max_size=8), min_size=5, max_size=5))
    lat = st.floats(-90, 90, allow_nan=False)
    lon = st.floats(-180, 180, allow_nan=False)
    others = st.builds(Alternative, st.text(max_size=20), lat, lon, st.floats(0, 1))
    return XmpTags(
        point=draw(st.none() | st.builds(Point, lat, lon)),
        radius_km=draw(st.none() | st.floats(0, 20_000)),
        confidence=draw(st.floats(0, 1)),
        level=draw(st.sampled_from(["city", "region", "country", "continent"])),
        continent=names[0],
        country=names[1],
        country_code=names[2],
        region=names[3],
        city=names[4],
        alternatives=tuple(draw(st.lists(others, max_size=3))),
        model="m-1@00000000",
        created="2026-01-02T03:04:05Z",
        groups=frozenset(draw(st.sets(st.sampled_from(["gps", "region", "keywords"])))),
        compat=draw(st.booleans()),
    )
