// The models that can answer, and those that can be fetched.

const ASK_AGAIN_MS = 700;

class Models {
  constructor(store, act, onChange) {
    Object.assign(this, { store, act, onChange, models: [], pull: null, chosen: null });
    this.box = $("#models .choices");
    this.others = element("details");
    this.box.addEventListener("change", (event) => {
      if (event.target.name !== "model") return;
      this.chosen = event.target.value;
      this.onChange();
    });
  }

  async load() {
    const { models, measuring } = await this.store.get("api/models");
    this.models = models;
    this.draw();
    if (measuring) setTimeout(() => this.load(), ASK_AGAIN_MS);
  }

  choose(name) {
    this.chosen = name;
    this.draw();
  }

  /** After an event on a model that is being fetched. */
  pulled(pull) {
    const ended = this.pull?.running && !pull.running;
    this.pull = pull;
    if (!pull) return;
    if (pull.running) this.others.open = true;
    const bar = $(`#pull-${this.models.findIndex(({ name }) => name === pull.name)}`);
    if (bar && pull.running && !ended) this.progress(bar, pull);
    else if (ended || pull.running) this.load();
    if (ended) announce(pull.error ? `${pull.name} was not fetched: ${pull.error}` : `${pull.name} is here.`);
  }

  draw() {
    const focused = this.box.contains(document.activeElement) && document.activeElement.id;
    const installed = this.models.filter((model) => model.installed);
    if (!installed.some(({ name }) => name === this.chosen)) this.chosen = (installed.find((model) => model.default) ?? installed[0])?.name;
    const rows = this.models.map((model, i) => this.row(model, i));
    const here = rows.filter((_, i) => this.models[i].installed);
    const others = rows.filter((_, i) => !this.models[i].installed);
    this.others.replaceChildren(element("summary", {}, `${count(others.length, "more model")} to fetch`), ...others);
    this.box.replaceChildren(...here, others.length ? this.others : "");
    if (focused) document.getElementById(focused)?.focus();
  }

  row(model, i) {
    const radio = element("input", { type: "radio", name: "model", id: `model-${i}`, value: model.name, disabled: !model.installed });
    radio.checked = model.name === this.chosen;
    const words = Object.entries({ Speed: model.speed, Accuracy: model.accuracy }).filter(([, text]) => text);
    const label = element("label", { for: `model-${i}` }, element("b", {}, plain(model.name)), element("span", { class: "soft" }, plain(model.description)), ...words.map(([name, text]) => element("span", {}, element("em", {}, `${name}: `), plain(text))), model.note ? element("span", { class: "soft" }, plain(model.note)) : "");
    return element("div", { class: "choice" }, radio, label, this.fetching(model, i));
  }

  /** The button that fetches a model, or the progress of that. */
  fetching(model, i) {
    if (model.installed || !model.pullable) return "";
    const pull = this.pull?.name === model.name ? this.pull : null;
    const box = element("div", { class: "fetch", id: `pull-${i}` });
    if (pull?.running) {
      this.progress(box, pull);
      return box;
    }
    const size = model.download_bytes ? ` ${sizeText(model.download_bytes)}` : "";
    box.append(element("button", { type: "button", id: `fetch-${i}`, "aria-label": `Fetch ${plain(model.name)}${size}`, onclick: () => this.fetch(model) }, `Fetch${size}`));
    if (pull?.error) box.append(element("p", { class: "wrong" }, plain(pull.error)));
    return box;
  }

  progress(box, pull) {
    const bar = element("progress", { max: pull.total || 1, "aria-label": `Fetched of ${plain(pull.name)}` });
    if (pull.total) bar.value = pull.bytes;
    const line = pull.total ? `${sizeText(pull.bytes)} of ${sizeText(pull.total)}` : plain(pull.line);
    box.replaceChildren(bar, element("small", {}, line), element("button", { type: "button", onclick: () => this.act("api/models/pull/stop", {}) }, "Stop"));
  }

  async fetch(model) {
    const parts = [element("p", {}, `geotagger connects to the hub that publishes ${plain(model.name)} and downloads it${model.download_bytes ? `, ${sizeText(model.download_bytes)}` : ""}. Your photos stay here; this is the only time that anything is fetched.`), element("p", { class: "soft" }, `Licence: ${plain(model.licence) || "not stated"}.`)];
    const accept = element("input", { type: "checkbox" });
    if (model.restricted) parts.push(element("label", {}, accept, "I have read the licence, and my use is within it"));
    if (!(await confirmDialog(`Fetch ${plain(model.name)}?`, parts, "Fetch"))) return;
    await this.act("api/models/pull", { name: model.name, accept_licence: accept.checked });
  }
}
