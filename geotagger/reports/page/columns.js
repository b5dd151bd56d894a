// The columns by which photos are filtered, sorted and drawn. They grow while photos are added.

const ARRAYS = { lat: Float32Array, lon: Float32Array, radius_km: Float32Array, confidence: Float32Array, gps_lat: Float32Array, gps_lon: Float32Array, day: Int32Array, country: Uint16Array, status: Uint8Array, level: Uint8Array, check: Uint8Array, sources: Uint8Array };
const DECISIONS = { state: Uint8Array, written: Uint8Array };
const WORLD = { x: Float64Array, y: Float64Array };
const NO_DAY = -(2 ** 31);
const STATES = ["undecided", "approved", "corrected", "rejected"];

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** One array for each column, all of `rows` numbers; names of what the numbers mean. */
class Columns {
  constructor() {
    this.rows = 0;
    this.whole = {};
    for (const [name, kind] of Object.entries({ ...ARRAYS, ...DECISIONS, ...WORLD })) this[name] = this.whole[name] = new kind(0);
  }

  /** Appends rows, as geotagger/reports/page/photo_columns.py writes them. */
  async append(data) {
    const { columns, state, written, rows: _, ...names } = data;
    const first = this.rows;
    const added = {};
    for (const [name, kind] of Object.entries(ARRAYS)) {
      added[name] = new kind(bytesOf(columns[name]).buffer);
      await pause();
    }
    for (const [name, text] of Object.entries({ state, written })) if (text) added[name] = bytesOf(text);
    const { lat, lon } = added;
    added.x = Float64Array.from(lon, worldX);
    added.y = Float64Array.from(lat, (degrees) => (Number.isNaN(degrees) ? NaN : worldY(degrees)));
    this.grow(first + lat.length);
    for (const [name, values] of Object.entries(added)) this[name].set(values, first);
    Object.assign(this, names);
  }

  /** Makes room in steps that double, so that each number is copied twice at most on average. */
  grow(rows) {
    for (const [name, old] of Object.entries(this.whole)) {
      if (old.length < rows) {
        this.whole[name] = new old.constructor(Math.max(rows, 2 * old.length));
        this.whole[name].set(old);
      }
      this[name] = this.whole[name].subarray(0, rows);
    }
    this.rows = rows;
  }
}
