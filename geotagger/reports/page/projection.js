// Web Mercator: the world is a square from 0 to 1, as in online maps.

const TILE_PX = 256;
const MAX_LAT = 85.0511;
const EARTH_RADIUS_KM = 6371.0088;
const RADIANS = Math.PI / 180;

const worldX = (lon) => lon / 360 + 0.5;

function worldY(lat) {
  const sine = Math.sin(Math.max(-MAX_LAT, Math.min(MAX_LAT, lat)) * RADIANS);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}

const lonOf = (x) => (((x % 1) + 1) % 1) * 360 - 180;
const latOf = (y) => Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) / RADIANS;

/**
 * The outline of a circle as [lon, lat]; longitudes continue beyond 180. It goes up the eastern ends
 * of the parallels inside, down the western ends, and around a pole that is inside.
 */
function circleOutline(lat, lon, radiusKm, steps = 60) {
  const reach = Math.min(Math.max(radiusKm, 0.01) / EARTH_RADIUS_KM, Math.PI - 1e-6);
  const at = Math.max(-89.9999, Math.min(89.9999, lat)) * RADIANS;
  const ends = [];
  if (reach > Math.PI / 2 + at) ends.push([180, -90]);
  for (let i = 0; i <= steps; i++) {
    const bearing = Math.PI * (1 - i / steps);
    const sine = Math.sin(at) * Math.cos(reach) + Math.cos(at) * Math.sin(reach) * Math.cos(bearing);
    const across = Math.sin(bearing) * Math.sin(reach) * Math.cos(at);
    const aside = Math.atan2(across, Math.cos(reach) - Math.sin(at) * sine) / RADIANS;
    ends.push([aside, Math.asin(Math.max(-1, Math.min(1, sine))) / RADIANS]);
  }
  if (reach > Math.PI / 2 - at) ends.push([180, 90]);
  const east = ends.map(([aside, up]) => [lon + aside, up]);
  const west = ends.map(([aside, up]) => [lon - aside, up]).reverse();
  return [...east, ...west];
}

function distanceKm(lat1, lon1, lat2, lon2) {
  const half = (a, b) => Math.sin(((b - a) * RADIANS) / 2) ** 2;
  const h = half(lat1, lat2) + Math.cos(lat1 * RADIANS) * Math.cos(lat2 * RADIANS) * half(lon1, lon2);
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}
