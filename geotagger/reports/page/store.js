// Loads rows: from blocks inside the file, or from the server of the review.

const ARRAYS = { lat: Float32Array, lon: Float32Array, radius_km: Float32Array, confidence: Float32Array, gps_lat: Float32Array, gps_lon: Float32Array, day: Int32Array, country: Uint16Array, status: Uint8Array, level: Uint8Array, check: Uint8Array, sources: Uint8Array };
const NO_DAY = -(2 ** 31);
const STATES = ["undecided", "approved", "corrected", "rejected"];

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The compact columns of all rows, as geotagger/reports/page/photo_columns.py writes them. */
async function readColumns(data) {
  const columns = { ...data };
  for (const [name, kind] of Object.entries(ARRAYS)) {
    columns[name] = new kind(bytesOf(data.columns[name]).buffer);
    await pause();
  }
  columns.state = data.state ? bytesOf(data.state) : new Uint8Array(data.rows);
  columns.written = data.written ? bytesOf(data.written) : new Uint8Array(data.rows);
  return columns;
}

const dataText = (name) => $(`script.${name}`)?.textContent;

/** Caches the `capacity` values of `make` that were used last. */
class LruCache {
  constructor(make, capacity) {
    Object.assign(this, { make, capacity, items: new Map() });
  }

  get(number) {
    const item = this.items.get(number) ?? this.make(number);
    this.items.delete(number);
    this.items.set(number, item);
    if (this.items.size > this.capacity) this.items.delete(this.items.keys().next().value);
    return item;
  }

  forget(number) {
    this.items.delete(number);
  }
}

const SEARCHED = ["path", "continent", "country", "country_code", "region", "city", "evidence", "note", "taken_at"];

class FileStore {
  constructor(setup) {
    this.setup = setup;
    this.blocks = $$("script.rows");
    this.rows = new LruCache((number) => JSON.parse(this.blocks[number].textContent), 60);
    this.pictures = new LruCache((number) => JSON.parse(dataText(`pictures-${number}`) ?? "[]"), 6);
    this.searched = [];
  }

  columns() {
    return readColumns(JSON.parse(dataText("columns")));
  }

  towns() {
    return JSON.parse(dataText("towns"));
  }

  async row(id) {
    return this.rows.get(Math.floor(id / this.setup.block))[id % this.setup.block];
  }

  /** The address of a small picture; empty if there is none. */
  async picture(id) {
    const picture = this.pictures.get(Math.floor(id / this.setup.block))[id % this.setup.block];
    return picture ? `data:image/webp;base64,${picture}` : "";
  }

  /** One byte per row: 1 if it contains all these words. */
  async search(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    while (this.searched.length < this.blocks.length) {
      const rows = JSON.parse(this.blocks[this.searched.length].textContent);
      this.searched.push(rows.map((row) => SEARCHED.map((name) => row[name] ?? "").join("\n").toLowerCase()));
      if (this.searched.length % 4 === 0) await pause();
    }
    const texts = this.searched.flat();
    return Uint8Array.from(texts, (row) => words.every((word) => row.includes(word)));
  }
}

class ServerStore {
  constructor(setup) {
    this.setup = setup;
    this.pages = new LruCache((number) => this.get(`api/rows/${number}`), 60);
  }

  async get(address) {
    return this.answer(await fetch(address, { credentials: "same-origin" }));
  }

  async post(address, value) {
    const headers = { "Content-Type": "application/json" };
    return this.answer(await fetch(address, { method: "POST", headers, body: JSON.stringify(value) }));
  }

  async answer(response) {
    const value = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(value.error ?? `The server answered ${response.status}.`);
    return value;
  }

  async columns() {
    return readColumns(await this.get("api/columns"));
  }

  towns() {
    return this.get("api/towns");
  }

  async row(id) {
    return (await this.pages.get(Math.floor(id / this.setup.block)))[id % this.setup.block];
  }

  forget(ids) {
    for (const id of ids) this.pages.forget(Math.floor(id / this.setup.block));
  }

  async picture(id) {
    return `photos/${id}/thumbnail`;
  }

  async search(text) {
    return bytesOf((await this.get(`api/search?q=${encodeURIComponent(text)}`)).found);
  }
}
