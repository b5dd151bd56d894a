// The rows of a report, from the server of the page.

class ServerStore {
  constructor(setup) {
    this.setup = setup;
    this.pages = new LruCache((number) => this.page(number), 60);
  }

  /** A page of rows; a failure is not cached. */
  async page(number) {
    try {
      return await this.get(`api/rows/${number}`);
    } catch (error) {
      this.pages.forget(number);
      throw error;
    }
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
    if (!response.ok) throw Object.assign(new Error(value.error ?? `The server answered ${response.status}.`), { field: value.field });
    return value;
  }

  /** Appends the rows that the page has not loaded yet, some thousands at a time. */
  async load(columns) {
    for (;;) {
      const before = columns.rows;
      this.forget([before]); // the last page may have been cached before it was full
      const answer = await this.get(`api/columns?from=${before}`);
      await columns.append(answer);
      if (columns.rows >= answer.rows || columns.rows === before) return;
    }
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

  async largePicture(id) {
    return `photos/${id}/preview`;
  }

  async whyNoPicture(source) {
    return this.get(source).then(() => "this picture cannot be shown", (error) => error.message);
  }

  /** What the help says of this page. */
  about() {
    return this.setup.about;
  }

  async search(text) {
    return bytesOf((await this.get(`api/search?q=${encodeURIComponent(text)}`)).found);
  }
}
