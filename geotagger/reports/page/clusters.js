// Photos that would overlap on the map become one mark.

const CELL_PX = 58;
const NEAR_PX = 52;

/** The marks at a zoom level: {x, y, ids} in world units, the largest first. */
function clusters(columns, ids, zoom) {
  const scale = (TILE_PX * 2 ** zoom) / CELL_PX;
  const cells = new Map();
  for (const id of ids) {
    const x = columns.x[id];
    if (Number.isNaN(x)) continue;
    const y = columns.y[id];
    const key = Math.floor(x * scale) * 2 ** 26 + Math.floor(y * scale);
    let cell = cells.get(key);
    if (!cell) cells.set(key, (cell = { x: 0, y: 0, ids: [], key, merged: false }));
    cell.ids.push(id);
    cell.x += x;
    cell.y += y;
  }
  const found = [...cells.values()].sort((a, b) => b.ids.length - a.ids.length);
  for (const cell of found) {
    cell.x /= cell.ids.length;
    cell.y /= cell.ids.length;
  }
  for (const cell of found) if (!cell.merged) absorb(cell, cells, NEAR_PX / CELL_PX / scale);
  return found.filter((cell) => !cell.merged);
}

function absorb(cell, cells, near) {
  for (const step of [-(2 ** 26) - 1, -(2 ** 26), -(2 ** 26) + 1, -1, 1, 2 ** 26 - 1, 2 ** 26, 2 ** 26 + 1]) {
    const other = cells.get(cell.key + step);
    if (!other || other.merged || other === cell) continue;
    if (Math.hypot(other.x - cell.x, other.y - cell.y) > near || other.ids.length > cell.ids.length) continue;
    const all = cell.ids.length + other.ids.length;
    cell.x += ((other.x - cell.x) * other.ids.length) / all;
    cell.y += ((other.y - cell.y) * other.ids.length) / all;
    cell.ids = cell.ids.length > 5000 ? cell.ids.concat(other.ids) : [...cell.ids, ...other.ids];
    other.merged = true;
  }
}
