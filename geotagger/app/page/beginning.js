// The beginning: which folders, with which model, and what else is known.

class Beginning {
  constructor(desktop) {
    Object.assign(this, { desktop, store: desktop.store, opened: null });
    const act = (address, value) => this.act(address, value);
    this.picker = new Picker(this.store);
    this.folders = new Folders(act, this.picker);
    this.models = new Models(this.store, act, () => this.options.command());
    this.options = new Options(this.store, this.models, this.picker);
    $("#start").addEventListener("click", () => this.start());
    $("#to-photos").addEventListener("click", () => desktop.show("photos"));
    document.addEventListener("keydown", (event) => this.keydown(event));
  }

  async load() {
    await Promise.all([this.models.load(), this.options.load()]);
  }

  /** Posts; returns the answer, or null after an error, which is shown. What has changed comes as an event. */
  async act(address, value) {
    clearWrong("#beginning");
    try {
      return await this.store.post(address, value);
    } catch (error) {
      showWrong(error);
      return null;
    }
  }

  update(state) {
    const busy = isBusy(state);
    this.folders.show(state, busy);
    this.survey(state.survey);
    const some = state.folders.length > 0;
    $("#options").hidden = !some;
    $("#start-bar").hidden = !some;
    $("#welcome").hidden = some;
    $("#to-photos").hidden = !state.rows;
    $("#start").disabled = busy;
    $("#start").firstChild.textContent = `${startWord(state)} `;
    const key = JSON.stringify(state.folders);
    if (some && key !== this.opened) this.options.set(state.options);
    this.opened = key;
    this.startText(state);
  }

  survey(survey) {
    drawSurvey(survey, () => this.act("api/survey/stop", {}));
  }

  startText(state) {
    const photos = state.survey?.photos;
    const what = photos === undefined ? "" : count(photos, "photo");
    const lead = isBusy(state) ? "A run is on: it can be paused on the page of the photos." : state.interrupted ? `The last run was cut off after ${count(state.rows, "photo")}. Going on keeps them.` : state.rows ? `${count(state.rows, "photo")} done before are kept.` : "Photos are only read now.";
    $("#start-text").replaceChildren(what && element("b", {}, what), what ? " · " : "", lead);
  }

  async start() {
    if ($("#start").disabled) return;
    const answer = await this.act("api/run", { options: this.options.get() });
    if (answer) this.desktop.showRun(answer.run);
  }

  keydown(event) {
    if ($("#beginning").hidden || $("dialog[open]")) return;
    if (event.key === "Enter" && event.ctrlKey && !$("#start-bar").hidden) this.start();
    else if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    else if (event.key === "o") this.folders.browse();
    else if (event.key === "?") this.desktop.help();
    else if (event.key === "Escape" && this.desktop.state.rows) this.desktop.show("photos");
    else return;
    event.preventDefault();
  }
}

const BUSY = new Set(["starting", "running", "pausing", "paused", "stopping"]);
const isBusy = (state) => BUSY.has(state.stage);
const startWord = (state) => (state.interrupted || (state.rows && state.stage !== "done") ? "Go on" : state.rows ? "Run again" : "Start");
