// The folders whose photos are to be placed.

class Folders {
  /** `act(address, value)` posts, and shows errors next to their field. */
  constructor(act, picker) {
    Object.assign(this, { act, picker, chosen: [] });
    $("#folder-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.add({ path: $("#folder").value.trim() });
    });
    $("#browse").addEventListener("click", () => this.browse());
    $("#example").addEventListener("click", () => this.act("api/example", {}));
  }

  async browse() {
    const folder = await this.picker.ask("Choose a folder of photos");
    if (folder) this.add(folder);
  }

  async add(folder) {
    if (!folder.id && !folder.path) return $("#folder").focus();
    if (await this.open([...this.chosen, folder])) $("#folder").value = "";
  }

  open(folders) {
    return this.act("api/open", { folders: folders.map(({ id, path }) => (id ? { id } : { path })) });
  }

  remove(folder) {
    const rest = this.chosen.filter(({ id }) => id !== folder.id);
    if (rest.length) this.open(rest);
    else this.act("api/close", {});
  }

  show(state, busy) {
    this.chosen = state.folders;
    $("#folders").replaceChildren(...state.folders.map((folder) => this.row(folder, busy)));
    for (const field of $$("#folder, #folder-form button, #example")) field.disabled = busy;
    const recent = state.recent.filter(({ folders }) => !sameFolders(folders, state.folders));
    $("#recent").hidden = !recent.length;
    $("#recent ul").replaceChildren(...recent.map((session) => this.recentRow(session, busy)));
  }

  row(folder, busy) {
    const remove = element("button", { type: "button", class: "close", disabled: busy, "aria-label": `Leave out ${plain(folder.path)}`, onclick: () => this.remove(folder) }, "×");
    return element("li", {}, icon("folder"), element("b", {}, plain(folder.name)), element("span", { class: "soft" }, plain(folder.path)), remove);
  }

  recentRow(session, busy) {
    const { folders, stage, rows, missing } = session;
    const names = folders.map((folder) => plain(folder.path)).join(", ");
    const states = { done: `${count(rows, "photo")} done`, stopped: `stopped after ${count(rows, "photo")}`, interrupted: `cut off after ${count(rows, "photo")}`, new: "not run yet" };
    const text = missing ? "not there now" : states[stage] ?? "";
    return element("li", {}, element("button", { type: "button", disabled: missing || busy, onclick: () => this.open(folders) }, icon("folder"), element("span", {}, names), element("small", {}, text)));
  }
}

const sameFolders = (some, others) => some.length === others.length && some.every(({ id }, i) => id === others[i].id);
