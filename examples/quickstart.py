"""Where were the example photos taken? Run it with `python examples/quickstart.py`."""

from pathlib import Path

import geotagger

EXAMPLES = Path(__file__).resolve().parent
TAJ_MAHAL = EXAMPLES / "taj-mahal.jpg"

print("models:", ", ".join(geotagger.list_models()))
tagger = geotagger.Geotagger.from_pretrained("starter")

# One photo, all the evidence: the picture, words in it, the clock, neighbouring photos.
result = tagger.locate(TAJ_MAHAL)
print(f"{result.path.name}: {result.status}")
if result.prediction:
    point, place = result.prediction.point, result.prediction.place
    print(f"  best guess {place.country} ({point.lat:.2f}, {point.lon:.2f})")
    print(
        f"  within {result.prediction.radius_km:.0f} km, named as far as: {result.prediction.level}"
    )

# Many photos: a list of files, or a folder.
for result in tagger.locate([EXAMPLES / "louvre.jpg", EXAMPLES / "great-wall.jpg"]):
    row = result.to_dict()  # the columns of a report; to_geojson() gives a map feature
    print(f"{result.path.name}: {row['country']}, confidence {row['confidence']:.2f}")

# The model alone, without the other evidence: its five most probable points.
points, probabilities = tagger.predict(TAJ_MAHAL, top_k=5)
for (lat, lon), probability in zip(points, probabilities, strict=True):
    print(f"  {probability:.3f}  {geotagger.reverse_geocode(lat, lon).country}")

# What the camera itself recorded, and what a run would write (nothing, in a dry run).
print("GPS of the camera:", geotagger.read_metadata(TAJ_MAHAL).gps)
summary = geotagger.tag(TAJ_MAHAL, write_exif=True, dry_run=True)
print(f"{summary.photos} photo, {dict(summary.statuses)}")
