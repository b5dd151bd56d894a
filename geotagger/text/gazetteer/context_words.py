"""Words around a place name that show what it means: the town itself, a street, a brand.

A factor says how much rarer (above 1) or commoner (below 1) the phrase is far from the place,
compared with the name alone. The factors are orders of magnitude, from what such phrases are:

    authority "Stadt X", "X kommun", "X市": puts up signs in its own place only
    official  "Universität X", "X駅", "Welcome to X": is there too, but is also named far away
    brand     "Hotel X", "Pizzeria X", "X Pizza": named after another place on purpose
    street    "Via X", "Rue de X": most towns have streets named after far towns
    origin    "Made in X", "New X": says that the place is another

Words of other scripts than Latin, Chinese and Japanese are in `data/context_words.csv`.
"""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

from collections.abc import Iterator

from geotagger.data import read_table
from geotagger.text.gazetteer.gazetteer import normalise

AUTHORITY, OFFICIAL, BRAND, STREET, ORIGIN = 30.0, 5.0, 0.1, 0.03, 0.03
_FACTORS = {"authority": AUTHORITY, "official": OFFICIAL, "brand": BRAND, "street": STREET, "": 1.0}


def _table(*groups: tuple[float, str]) -> dict[str, float]:
    return {
        word if word.isascii() else normalise(word): factor
        for factor, words in groups
        for word in words.split()
    }


def _listed(place: str) -> Iterator[tuple[float, tuple[str, ...]]]:
    """Factor and normalised words of each row of `context_words.csv` for a place of the words."""
    for row in read_table("context_words.csv"):
        if row["place"] == place:
            yield _FACTORS[row["meaning"]], tuple(map(normalise, row["words"].split()))


def _listed_table(place: str) -> dict[str, float]:
    return {word: factor for factor, words in _listed(place) for word in words}


LINKS: frozenset[str] = frozenset(
    _table(
        (
            1.0,
            "of de di da do das dos del della dello delle der den dem des die du d la le les l el "
            "los las von vom van y i am im in a the zu zum zur het ten te og och to til till en ng",
        )
    )
)
"""Words between the context word and the name: "Ayuntamiento de X"."""

BEFORE = _table(
    (
        AUTHORITY,
        "stadt hansestadt landeshauptstadt gemeinde marktgemeinde stadtgemeinde samtgemeinde "
        "ortsgemeinde kreisstadt landkreis bezirksamt stadtwerke stadtverwaltung stadtbucherei "
        "stadtbibliothek magistrat rathaus feuerwehr polizei polizeiprasidium amtsgericht "
        "landratsamt burgeramt ordnungsamt gemeente politie brandweer waterschap kommun kommune "
        "linna vald comune citta municipio questura mairie ville commune prefecture sapeurs- "
        "pompiers prefeitura camara ayuntamiento ajuntament concello alcaldia municipalidad "
        "municipality borough council gobierno policia diputacio diputacion primaria primariei "
        "orasul municipiul municipiului comuna concejo intendencia miasto miasta gmina urzad "
        "starostwo mesto obec statutarni obecni opcina opstina obcina bashkia onkormanyzat "
        "lungsod администрация мэрия община місто δημος δημου belediyesi kabupaten pemerintah "
        "kecamatan kelurahan ubnd majlis بلديه امانه محافظه שיריית עיריית เทศบาล เทศบาลนคร "
        "เทศบาลเมือง จังหวัด อำเภอ",
    ),
    (
        OFFICIAL,
        "markt kreis bezirk sparkasse volksbank bahnhof hbf universitat universitet "
        "universiteit hochschule flughafen stad provincie station provincia azienda universita "
        "stazione aeroporto diocesi regione gare universite municipal universidad universidade "
        "estacion estacao aeropuerto cidade ciudad junta city town county district university "
        "port welcome bienvenue bienvenidos benvenuti willkommen welkom valkommen velkommen "
        "witamy vitajte grad dworzec gara varos г город города городской гор пос село деревня м "
        "град ст станция вокзал πολη λιμανι kota desa stasiun tp thanh pho huyen tinh phuong xa "
        "مدينه محطه สถานีรถไฟ",
    ),
    (
        BRAND,
        "hotel hostel pension pensione motel inn gasthof gasthaus restaurant restaurante "
        "ristorante restauracja restoran restaurace ravintola restaurang pizzeria pizza "
        "pizzaria pizzerie trattoria osteria taverna tavern cafe caffe kaffee kavarna bar "
        "opel seat hyundai kia ford chevrolet dodge toyota nissan chrysler "
        "bistro brasserie imbiss grill kebab kebap doner pub club cinema kino teatro theater "
        "casino salon salone coiffeur friseur boutique fc ac as sc ssc real sporting inter "
        "dynamo dinamo atletico racing olympique banco banca banque bank brand marke parfum eau "
        "kolnisch gelateria eiscafe panaderia nasi soto sate mie bun com padang кафе ресторан "
        "отель гостиница бар пиццерия ξενοδοχειο εστιατοριο ταβερνα otel lokanta nha khach quan",
    ),
    (
        STREET,
        "via viale piazza piazzale corso largo vicolo strada stradale rue avenue av ave "
        "boulevard bd bld place quai impasse allee route chemin pont calle avenida avda plaza "
        "paseo carrer passeig placa rua praca travessa alameda rodovia ulica ul plac aleja trg "
        "ulice namesti bulevar bulevardul piata улица ул проспект пр площадь переулок вулиця "
        "вул площа οδος λεωφορος jalan jl duong soi ถนน شارع רחוב",
    ),
    (ORIGIN, "made fabrique hecho prodotto hergestellt feito produced from new nouveau little"),
) | _listed_table("before")
"""Normalised word before a name -> factor."""

AFTER = _table(
    (
        AUTHORITY,
        "stad kommun kommune city council county borough police polizei municipality belediyesi "
        "buyuksehir valiligi kaymakamligi kaupunki kunta linn vald pilseta miestas miesto "
        "shahri savivaldybe novads onkormanyzata megyei община область край stadtwerke "
        "metropolitan",
    ),
    (
        OFFICIAL,
        "stadt hbf bahnhof banegard stasjon station rathaus nord sud ost west zentrum mitte "
        "centrum sentrum centro university airport railway district town village township fire "
        "department junction universitesi universitet universitat ulikool lufthavn flygplats "
        "lentoasema metro terminal hamn havn glowny glowna hlavni keleti вокзал",
    ),
    (
        BRAND,
        "pizza pizzeria kebab kebap doner hotel hostel restaurant cafe bar grill bistro fashion "
        "style bank times post sauce senf mustard wurst burger fries bagel bagels cream "
        "cheesecake steakhouse tours travel united rovers wanderers fc cf sc marathon jeans "
        "shop store salon nail",
    ),
    (
        STREET,
        "street st road rd avenue ave lane ln drive dr boulevard blvd way square terrace place "
        "court crescent strasse str platz allee weg gasse ring damm ufer chaussee brucke tor "
        "straat laan plein gracht kade singel gatan gata vagen vag torg gade vej plads veien "
        "gate katu tie utca ut ter korut caddesi cad sokak sok bulvari bulvar улица ул проспект "
        "пр шоссе площадь бульвар переулок вулиця",
    ),
) | _listed_table("after")
"""Normalised word after a name -> factor."""

DISHES_BEFORE = frozenset(
    {
        "beer", "bier", "biere", "birra", "cerveja", "cerveza", "crema", "ensalada", "formaggio",
        "fromage", "gateau", "insalata", "jambon", "jamon", "mostarda", "mostaza", "moutarde",
        "mustard", "pesto", "piwo", "pivo", "presunto", "prosciutto", "queijo", "queso", "risotto",
        "salad", "salade", "salami", "salat", "salsa", "saucisse", "tarte", "vin", "vinho", "vino",
        "wein", "wine",
    }
)  # fmt: skip
"""Normalised words for food and drink before a name, which make it a brand: "Pesto Genovese"."""

DISHES_AFTER = frozenset(
    {
        "ale", "baklavasi", "beef", "beer", "bier", "brau", "brewery", "cake", "cheese", "chicken",
        "chowder", "corbasi", "duck", "ham", "kase", "kebabi", "kofte", "lebkuchen", "lokumu",
        "mantisi", "marzipan", "noodles", "pastirmasi", "peyniri", "pide", "pie", "pudding",
        "roll", "rolls", "salad", "sausage", "schinken", "soup", "steak", "stew", "stollen",
        "tava", "tea", "tee", "wein", "wine",
    }
)  # fmt: skip
"""The same after a name: "Dundee Cake"."""

PLAIN_WORDS = frozenset(_listed_table("plain"))
"""Normalised words of signs that are also names of small places, such as that for a school."""

REGION_WORDS = frozenset(_listed_table("region"))
"""Beginnings of normalised words that say that a name is that of a region."""

GLUED: tuple[tuple[float, tuple[str, ...]], ...] = (
    *_listed("glued after"),
    *(
        (factor, tuple(words.split()))
        for factor, words in (
            (
                BRAND,
                "火锅 烤鸭 拉面 牛肉面 小吃 料理 餐厅 餐馆 饭店 酒店 酒家 菜馆 大酒店 大饭店 银行 "
                "啤酒 火鍋 烤鴨 餐廳 飯店 銀行 ラーメン レストラン カフェ ホテル そば うどん 焼き "
                "식당 호텔 은행 갈비 냉면 국밥 치킨 비빔밥 닭갈비",
            ),
            (STREET, "路 街 大道 大街 东路 西路 南路 北路 中路 東路 通り 대로 로 길"),
            (AUTHORITY, "市 县 縣 都 府 省 特別 自治 시 군 도 특별시 특별자치 광역시"),
            (OFFICIAL, "区 區 구 町 村 州 郡 乡 鄉 镇 鎮 站 駅 车站 車站 역 읍 면 동 청 공항"),
        )
    ),
)
"""Factor and the letters right after a name, in scripts without spaces; the first fit counts."""

GLUED_BEFORE: tuple[tuple[float, tuple[str, ...]], ...] = tuple(_listed("glued before"))
"""Factor and the letters right before a name there; the first fit counts."""
