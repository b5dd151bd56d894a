// The rows of a report, in blocks inside the file.

const SEARCHED = ["path", "continent", "country", "country_code", "region", "city", "evidence", "note", "taken_at"];

class FileStore {
  constructor(setup) {
    this.setup = setup;
    this.blocks = $$("script.rows");
    this.rows = new LruCache((number) => JSON.parse(this.blocks[number].textContent), 60);
    this.pictures = new LruCache((number) => JSON.parse(dataText(`pictures-${number}`) ?? "[]"), 6);
    this.searched = [];
  }

  async load(columns) {
    await columns.append(JSON.parse(dataText("columns")));
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

  /** The picture for the details: the same small one. */
  largePicture(id) {
    return this.picture(id);
  }

  async whyNoPicture() {
    return "this picture is damaged";
  }

  /** What the help says of this page. */
  about(columns) {
    const pictures = this.setup.thumbnails ? `${count(this.setup.pictures, "photo")} of ${columns.rows.toLocaleString("en")} with a small picture inside.` : "It holds no pictures.";
    return `This page is one file and loads nothing. ${pictures}`;
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
