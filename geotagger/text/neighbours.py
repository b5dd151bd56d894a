"""Words beside a place name that tell how it is meant: the town itself, a street, a brand.

A factor is how much rarer (above 1) or commoner (below 1) the phrase is far from the place than at
home, compared with the bare name. They are orders of magnitude, set from what such phrases are:

    official  "Stadt X", "X kommun", "X駅": an authority or a stop, which stands in its own place
    brand     "Hotel X", "Pizzeria X", "X Pizza": named after somewhere else on purpose
    street    "Via X", "Rue de X": most towns have a street named after a far town
    origin    "Made in X", "New X": says outright that it is not here
"""

from __future__ import annotations

OFFICIAL, BRAND, STREET, ORIGIN = 10.0, 0.1, 0.03, 0.03


def _table(*groups: tuple[float, str]) -> dict[str, float]:
    return {word: factor for factor, words in groups for word in words.split()}


LINKS = frozenset(
    "of de di da do das dos del della dello delle der den dem des die du d la le les l el los las "
    "von vom van y i am im in a à the zu zum zur in het ten te og och".split()
)
"""Words between the telling word and the name: "Ayuntamiento de X", "Freie Hansestadt ... X"."""

BEFORE = _table(
    (
        OFFICIAL,
        # German, Dutch, Scandinavian, Finnish, Baltic
        "stadt hansestadt landeshauptstadt gemeinde markt kreis landkreis bezirk stadtgemeinde "
        "marktgemeinde samtgemeinde stadtwerke stadtverwaltung kreisstadt bahnhof hbf rathaus "
        "feuerwehr polizei polizeiprasidium amtsgericht landratsamt burgeramt sparkasse volksbank "
        "universitat hochschule flughafen gemeente stad provincie politie brandweer waterschap "
        "station kommun kommune stadt universitet universiteit linna vald "
        # Romance
        "comune citta municipio provincia questura azienda universita stazione aeroporto diocesi "
        "regione ville mairie commune gare prefecture hotel-de-ville universite prefeitura municipio "
        "camara municipal ayuntamiento ajuntament concello alcaldia municipalidad gobierno "
        "universidad universitat universidade estacion aeropuerto cidade ciudad policia policial "
        "junta diputacio diputacion primaria orasul municipiul judetul comuna concejo intendencia "
        # English, Slavic, Greek, Turkish, Malay, Vietnamese
        "city town municipality borough county district council university port welcome bienvenue "
        "bienvenidos benvenuti willkommen welkom valkommen velkommen "
        "bienvenido bem-vindo vitajte witamy "
        "miasto gmina powiat urzad starostwo mesto obec statutarni obecni grad opcina opstina obcina "
        "kozseg varos onkormanyzat г город городской администрация мэрия гор пос село деревня м місто "
        "община град град ст станция вокзал δημος δημου πολη belediyesi kota kabupaten "
        "kecamatan kelurahan desa pemerintah tp thanh pho ubnd quan huyen tinh phuong xa "
        "اماره بلديه مدينه محافظه عيريת עיריית العيون เทศบาล จังหวัด อำเภอ สถานีรถไฟ",
    ),
    (
        BRAND,
        "hotel hostel pension pensione motel inn gasthof gasthaus restaurant restaurante ristorante "
        "restauracja restoran restaurace ravintola restaurang pizzeria pizza pizzaria pizzerie trattoria "
        "osteria taverna tavern cafe caffe kaffee kavarna kavarna bar bistro brasserie imbiss grill "
        "kebab doner pub club cinema kino teatro theater casino salon salone coiffeur friseur boutique "
        "fc ac as sc ssc real club sporting inter dynamo dinamo atletico racing olympique "
        "banco banca banque bank brand marke parfum eau kolnisch hard gelateria eiscafe panaderia "
        "кафе ресторан отель гостиница бар пиццерия ξενοδοχειο εστιατοριο ταβερνα otel lokanta nha "
        "khach quan",
    ),
    (
        STREET,
        "via viale piazza piazzale corso largo vicolo strada stradale rue avenue av ave boulevard bd bld "
        "place quai impasse allee route chemin pont calle c avenida avda plaza paseo carrer passeig placa "
        "rua praca travessa largo alameda rodovia ulica ul plac aleja trg ulice namesti bulevar bulevardul "
        "strada piata улица ул проспект пр площадь переулок вулиця вул площа οδος λεωφορος jalan jl "
        "duong pho soi ถนน شارع רחוב",
    ),
    (ORIGIN, "made fabrique hecho prodotto hergestellt feito produced from new nouveau"),
)
"""Normalised words before a name."""

AFTER = _table(
    (
        OFFICIAL,
        "stad kommun kommune stadt hbf bahnhof rathaus nord sud ost west zentrum mitte centrum "
        "sentrum centro city council county borough university police polizei airport "
        "flughafen station railway municipality district town village township fire department "
        "belediyesi buyuksehir buyukseh valiligi kaymakamligi universitesi universitet universitat "
        "kaupunki kunta linn vald pilseta miestas savivaldybe novads kozseg varos onkormanyzata "
        "община область край район municipio lufthavn flygplats lentoasema metro stadtwerke terminal",
    ),
    (
        BRAND,
        "pizza pizzeria kebab doner hotel hostel restaurant cafe bar grill bistro fashion style bank "
        "times post sauce senf mustard wurst burger fries bagel cheesecake steakhouse tours travel "
        "united rovers wanderers fc cf sc marathon university-shirt jeans shop store",
    ),
    (
        STREET,
        "street st road rd avenue ave lane ln drive dr boulevard blvd way square terrace place court "
        "crescent strasse str platz allee weg gasse ring damm ufer chaussee brucke tor straat laan weg "
        "plein gracht kade singel gatan gata vagen vag torg gade vej plads veien gate allé katu tie utca "
        "ut ter korut caddesi cad sokak sok bulvari bulvar улица ул проспект пр шоссе площадь бульвар "
        "переулок вулиця",
    ),
)
"""Normalised words after a name."""

GLUED: tuple[tuple[float, tuple[str, ...]], ...] = (
    (
        BRAND,
        tuple(
            "火锅 烤鸭 拉面 牛肉面 小吃 料理 餐厅 餐馆 饭店 酒店 酒家 菜馆 大酒店 大饭店 银行 啤酒 火鍋 烤鴨 "
            "餐廳 飯店 銀行 啤酒 ラーメン レストラン カフェ ホテル 銀行 そば うどん 焼き 식당 호텔 은행 갈비 "
            "냉면 국밥 치킨".split()
        ),
    ),
    (STREET, tuple("路 街 道 通り 大道 大街 东路 西路 南路 北路 中路 東路 대로 로 길".split())),
    (
        OFFICIAL,
        tuple(
            "市 县 縣 区 區 区 町 村 省 州 郡 乡 鄉 镇 鎮 站 駅 府 都 역 시 군 구 읍 면 동 도 청".split()
        ),
    ),
)
"""What follows a name at once in scripts without spaces; the first that fits counts."""
