// A dialog that shows the folders of this computer, and for tracks and areas also files.

class Picker {
  constructor(store) {
    Object.assign(this, { store, entries: [], index: -1 });
    this.dialog = $("#picker");
    this.list = $("#picker-list");
    this.list.addEventListener("keydown", (event) => this.keydown(event));
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.ctrlKey) this.choose(event);
    });
    this.dialog.addEventListener("close", () => this.dialog.open || this.done(null)); // it may come late, when it is open again
    $("#picker-filter").addEventListener("input", () => this.draw());
    $("#picker-filter").addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") this.list.focus();
      else if (event.key === "Enter" && !event.ctrlKey) this.enter(Math.max(0, this.index));
      else return;
      event.preventDefault();
    });
    $("#picker-hidden").addEventListener("change", () => this.draw());
    $("#picker-up").addEventListener("click", () => this.up());
    $("#picker-cancel").addEventListener("click", () => this.dialog.close());
    $("#picker-choose").addEventListener("click", (event) => this.choose(event));
  }

  /** Resolves to a folder or file that a person has chosen, or to null. `kind`: folders, tracks or area. */
  async ask(title, kind = "folders") {
    Object.assign(this, { kind, at: null, entries: [] });
    this.list.replaceChildren(); // what it showed the last time may not be there any more
    $("#picker-title").textContent = title;
    $("#picker-path").textContent = $("#picker-note").textContent = "";
    $("#picker-choose").hidden = kind === "area";
    this.dialog.showModal();
    this.list.focus();
    const answer = new Promise((done) => (this.done = done));
    if (!this.last || !(await this.go(`id=${encodeURIComponent(this.last)}`))) await this.go("");
    return answer;
  }

  /** Shows a folder; false if that is not possible. */
  async go(query) {
    const asked = (this.asked = {});
    let shown;
    try {
      shown = await this.store.get(`api/folders?${query}&kind=${this.kind}`);
    } catch (error) {
      $("#picker-note").textContent = plain(error.message);
      return false;
    }
    if (asked !== this.asked) return true;
    this.at = shown;
    this.last = shown.folder.id;
    $("#picker-filter").value = "";
    $("#picker-path").textContent = plain(shown.folder.path);
    $("#picker-up").disabled = !shown.parent;
    $("#picker-places").replaceChildren(...shown.places.map((place) => element("button", { type: "button", title: plain(place.path), onclick: () => this.go(`id=${encodeURIComponent(place.id)}`) }, plain(place.name))));
    this.draw();
    this.list.focus();
    return true;
  }

  up() {
    if (this.at?.parent) this.go(`id=${encodeURIComponent(this.at.parent.id)}`);
  }

  /** Shows the names that contain the typed text. */
  draw() {
    if (!this.at) return;
    const { folders, files = [], more, error, photos } = this.at;
    const text = $("#picker-filter").value.toLowerCase();
    const hidden = folders.filter((folder) => folder.hidden).length;
    const fits = (entry) => entry.name.toLowerCase().includes(text);
    const seen = folders.filter((folder) => !folder.hidden || $("#picker-hidden").checked);
    this.entries = [...seen.filter(fits), ...files.filter(fits).map((file) => ({ ...file, isFile: true }))];
    this.list.replaceChildren(...this.entries.map((entry, i) => this.row(entry, i)));
    this.mark(this.entries.length ? 0 : -1);
    const notes = [
      error,
      photos && `${count(photos, "photo")} right here.`,
      more && `${count(more, "more folder")}: begin to type a name, or type the path.`,
      !this.entries.length && !error && (text ? "No name contains this." : "No folders in here."),
      hidden && !$("#picker-hidden").checked && `${count(hidden, "hidden folder")}.`,
    ];
    $("#picker-note").textContent = plain(notes.filter(Boolean).join(" "));
  }

  row(entry, i) {
    const open = () => this.enter(i);
    return element("li", { role: "option", id: `picker-${i}`, onclick: () => this.mark(i), ondblclick: open }, icon(entry.isFile ? "file" : "folder"), element("span", {}, plain(entry.name)), entry.isFile ? "" : element("button", { type: "button", tabindex: "-1", "aria-label": `Open ${plain(entry.name)}`, onclick: open }, "›"));
  }

  mark(index) {
    this.index = index;
    for (const [i, row] of [...this.list.children].entries()) row.setAttribute("aria-selected", i === index);
    const row = this.list.children[index];
    row?.scrollIntoView({ block: "nearest" });
    if (row) this.list.setAttribute("aria-activedescendant", row.id);
    else this.list.removeAttribute("aria-activedescendant");
  }

  /** Opens the folder at an index, or takes the file. */
  enter(index) {
    const entry = this.entries[index];
    if (!entry) return;
    if (entry.isFile) this.take(entry);
    else this.go(`id=${encodeURIComponent(entry.id)}`);
  }

  choose(event) {
    event.preventDefault();
    if (this.kind !== "area" && this.at) this.take(this.at.folder);
  }

  take(entry) {
    this.done(entry);
    this.dialog.close();
  }

  keydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    const last = this.entries.length - 1;
    if (moves[event.key]) this.mark(Math.max(Math.min(0, last), Math.min(last, this.index + moves[event.key])));
    else if (event.key === "Enter" || event.key === "ArrowRight") this.enter(this.index);
    else if (event.key === "Backspace" || event.key === "ArrowLeft") this.up();
    else if (event.key.length === 1 && event.key !== " ") return $("#picker-filter").focus();
    else return;
    event.preventDefault();
  }
}
