// Coasts, borders and names. tools/build_data/outlines.py describes the data.

const LEVELS = [2.5, 4.5, 6.5, 99];
const TOWN_ZOOMS = [[5e6, 3.2], [2e6, 4.2], [1e6, 5], [4e5, 6], [1e5, 7.2], [3e4, 8.5], [1e4, 9.5], [0, 10.5]];

class Outlines {
  static async read(data, towns) {
    const stream = new Blob([bytesOf(data.arcs)]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    return new Outlines(data, await arcsOf(bytes, data.step), towns);
  }

  constructor(data, arcs, towns) {
    Object.assign(this, { data, arcs, levels: new Map() });
    this.countries = data.countries.map(([name, lat, lon, wide]) => ({ name, x: worldX(lon), y: worldY(lat), wide: wide / 360 }));
    this.setTowns(towns);
  }

  /** Towns as [name, lat, lon, people]. */
  setTowns(towns) {
    this.towns = towns.map(([name, lat, lon, people]) => {
      const zoom = TOWN_ZOOMS.find(([least]) => people >= least)[1];
      return { name, x: worldX(lon), y: worldY(lat), zoom };
    });
  }

  /** The lines with the detail that this zoom needs. */
  level(zoom) {
    const top = LEVELS.find((least) => zoom <= least);
    if (!this.levels.has(top)) {
      const apart = top === 99 ? 0 : 0.7 / (TILE_PX * 2 ** top);
      const arcs = this.arcs.map((arc) => thinned(arc, apart));
      const rings = this.data.land.map((ring) => joined(ring, arcs)).filter((ring) => ring.xy.length > 6);
      const borders = this.data.borders.map((number) => boxed(arcs[number]));
      this.levels.set(top, { rings, borders });
    }
    return this.levels.get(top);
  }

  /** Computes all levels in advance, one at a time, so that zooming does not wait for them. */
  async prepare() {
    for (const zoom of LEVELS) {
      await pause();
      this.level(zoom);
    }
  }

  /** Draws the part inside `frame` {left, top, width, height, zoom}; left and top in world units. */
  draw(context, frame, colours) {
    const { rings, borders } = this.level(frame.zoom);
    context.fillStyle = colours.sea;
    context.fillRect(0, 0, frame.width, frame.height);
    context.lineJoin = "round";
    context.fillStyle = colours.land;
    context.strokeStyle = colours.coast;
    context.lineWidth = 0.8;
    for (const ring of rings.filter(({ shore }) => shore)) {
      context.beginPath();
      trace(context, ring, frame, 0.6);
      context.fill("evenodd");
      context.beginPath();
      trace(context, ring.shore, frame, 0.6);
      context.stroke();
    }
    context.beginPath();
    for (const ring of rings) if (!ring.shore) trace(context, ring, frame, 0.6);
    context.fill("evenodd");
    context.stroke();
    context.beginPath();
    for (const border of borders) trace(context, border, frame, 1.5);
    context.strokeStyle = colours.border;
    context.lineWidth = 1;
    context.stroke();
  }

  /** Draws the names of countries and towns without overlaps. */
  drawNames(context, frame, colours) {
    const taken = [];
    context.lineWidth = 3;
    context.strokeStyle = colours.halo;
    context.lineJoin = "round";
    context.textBaseline = "middle";
    const px = TILE_PX * 2 ** frame.zoom;
    context.textAlign = "center";
    context.font = "600 12px system-ui, sans-serif";
    context.fillStyle = colours.country;
    for (const country of this.countries) {
      if (country.wide * px < 60 || frame.zoom > 7) continue;
      write(context, country.name, country, frame, taken, 0, false);
    }
    context.textAlign = "left";
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = colours.town;
    for (const town of this.towns) {
      if (town.zoom <= frame.zoom && taken.length < 90) write(context, town.name, town, frame, taken, 6, true);
    }
  }
}

/** Decodes varints to lines of [x, y, x, y, ...] in world units. */
async function arcsOf(bytes, step) {
  let at = 0;
  const next = () => {
    let number = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      number |= (byte & 127) << shift;
      if (byte < 128) return number;
    }
  };
  const signed = () => {
    const number = next();
    return number & 1 ? ~(number >>> 1) : number >>> 1;
  };
  const arcs = [];
  let points = 0;
  while (at < bytes.length) {
    const xy = new Float32Array(2 * next());
    let lon = 0;
    let lat = 0;
    for (let i = 0; i < xy.length; i += 2) {
      lon += signed();
      lat += signed();
      xy[i] = worldX(lon * step);
      xy[i + 1] = worldY(lat * step);
    }
    arcs.push(xy);
    points += xy.length;
    if (points > 1e5) {
      points = 0;
      await pause();
    }
  }
  return arcs;
}

/** A line without the points that are nearer to the previous one than `apart`; ends are kept. */
function thinned(arc, apart) {
  if (!apart || arc.length < 8) return arc;
  const kept = [arc[0], arc[1]];
  for (let i = 2; i < arc.length - 2; i += 2) {
    const [x, y] = [kept[kept.length - 2], kept[kept.length - 1]];
    if (Math.abs(arc[i] - x) + Math.abs(arc[i + 1] - y) >= apart) kept.push(arc[i], arc[i + 1]);
  }
  kept.push(arc[arc.length - 2], arc[arc.length - 1]);
  return Float32Array.from(kept);
}

/** Joins arcs to a ring (~a: arc a reversed). A ring around a pole is closed below the map. */
function joined(numbers, arcs) {
  const length = numbers.reduce((sum, number) => sum + arcs[number < 0 ? ~number : number].length, 0);
  const xy = new Float32Array(length + 4);
  let end = 0;
  for (const number of numbers) {
    const arc = arcs[number < 0 ? ~number : number];
    const from = number < 0 ? arc.length - 2 : 0;
    const shift = end ? Math.round(xy[end - 2] - arc[from]) : 0;
    for (let i = 0; i < arc.length; i += 2) {
      const source = number < 0 ? arc.length - 2 - i : i;
      xy[end++] = arc[source] + shift;
      xy[end++] = arc[source + 1];
    }
  }
  if (Math.abs(xy[end - 2] - xy[0]) > 0.5) {
    xy.set([xy[end - 2], 3, xy[0], 3], end);
    return { ...boxed(xy), shore: boxed(xy.subarray(0, end)) };
  }
  return boxed(xy.subarray(0, end));
}

function boxed(xy) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < xy.length; i += 2) {
    left = Math.min(left, xy[i]);
    right = Math.max(right, xy[i]);
    top = Math.min(top, xy[i + 1]);
    bottom = Math.max(bottom, xy[i + 1]);
  }
  return { xy, left, top, right, bottom };
}

/** Adds a line to the path on every copy of the world in the frame; skips far points. */
function trace(context, line, frame, leastPx) {
  const px = TILE_PX * 2 ** frame.zoom;
  if ((line.right - line.left + line.bottom - line.top) * px < leastPx) return;
  const right = frame.left + frame.width / px;
  const bottom = frame.top + frame.height / px;
  if (line.top > bottom || line.bottom < frame.top) return;
  for (let world = Math.ceil(frame.left - line.right); world <= right - line.left; world++) {
    const { xy } = line;
    const dx = world - frame.left;
    let common = 0; // sides of the frame beyond which all points since the last drawn one are
    let last = null; // the point skipped last: [x, y, side]
    for (let i = 0; i < xy.length; i += 2) {
      const x = (xy[i] + dx) * px;
      const y = (xy[i + 1] - frame.top) * px;
      const side = (x < -9 ? 1 : x > frame.width + 9 ? 2 : 0) | (y < -9 ? 4 : y > frame.height + 9 ? 8 : 0);
      if (last && !(common & side)) {
        context.lineTo(last[0], last[1]);
        common = last[2];
        last = null;
      }
      if (i && common & side) {
        common &= side;
        last = [x, y, side];
        continue;
      }
      common = side;
      if (i) context.lineTo(x, y);
      else context.moveTo(x, y);
    }
    if (last) context.lineTo(last[0], last[1]);
  }
}

function write(context, name, place, frame, taken, aside, dot) {
  const px = TILE_PX * 2 ** frame.zoom;
  const y = (place.y - frame.top) * px;
  if (y < 8 || y > frame.height - 8) return;
  for (let world = Math.ceil(frame.left - place.x); ; world++) {
    const x = (place.x + world - frame.left) * px;
    if (x > frame.width) return;
    const width = context.measureText(name).width;
    const left = dot ? x + aside : x - width / 2;
    const box = [left - 4, y - 9, left + width + 4, y + 9];
    if (taken.some((t) => t[0] < box[2] && box[0] < t[2] && t[1] < box[3] && box[1] < t[3])) continue;
    taken.push(box);
    if (dot) {
      context.beginPath();
      context.arc(x, y, 1.8, 0, 7);
      context.fill();
    }
    context.strokeText(name, x + aside, y);
    context.fillText(name, x + aside, y);
  }
}
