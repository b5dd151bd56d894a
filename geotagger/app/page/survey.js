// What the chosen folders contain, counted by the server.

/** `stop` ends the look at the folders. */
function drawSurvey(survey, stop) {
  $("#survey").hidden = !survey;
  if (!survey) return;
  const { photos, checked, with_gps: withGps, without_gps: withoutGps, running } = survey;
  const shown = (number) => number.toLocaleString("en");
  const part = (number) => element("b", {}, shown(number));
  const parts = [element("p", { class: "sum" }, part(photos), photos === 1 ? " photo" : " photos", survey.folders > 1 ? ` in ${count(survey.folders, "folder")}` : "", survey.bytes ? `, ${sizeText(survey.bytes)}` : "")];
  if (running) parts.push(element("progress", { max: photos || 1, value: checked, "aria-label": "Looked at" }), element("p", { class: "soft" }, `Looking for GPS: ${shown(checked)} of ${shown(photos)} `, element("button", { type: "button", id: "survey-stop", onclick: stop }, "Stop looking")));
  if (photos) {
    const formats = Object.entries(survey.formats).sort((a, b) => b[1] - a[1]).map(([name, number]) => `${shown(number)} ${plain(name)}`);
    const others = Object.entries(survey.other_files).sort((a, b) => b[1] - a[1]).map(([name, number]) => `${shown(number)} ${plain(name) || "without a suffix"}`);
    const facts = [["With GPS", shown(withGps)], ["Without", shown(withoutGps)], ["Formats", formats.join(", ")], ["Other files", others.slice(0, 8).join(", ")]];
    parts.push(element("dl", {}, ...facts.filter(([, text]) => text).flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)])));
  }
  if (survey.skipped.length) parts.push(skippedTable(survey.skipped));
  if (survey.error) parts.push(element("p", { class: "wrong" }, plain(survey.error)));
  const focused = document.activeElement.id === "survey-stop";
  $("#survey-text").replaceChildren(...parts);
  if (focused) $("#survey-stop")?.focus();
}

function skippedTable(skipped) {
  const head = element("tr", {}, ...["Will be skipped", "Such as", "What helps"].map((text) => element("th", { scope: "col" }, text)));
  const rows = skipped.map(({ why, count: number, example, remedy }) => element("tr", {}, element("td", {}, `${number.toLocaleString("en")}: ${plain(why)}`), element("td", { class: "name" }, plain(example)), element("td", {}, plain(remedy))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

function sizeText(bytes) {
  const step = Math.min(4, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const size = bytes / 1000 ** step;
  return `${size < 10 && step ? size.toFixed(1) : Math.round(size)} ${["bytes", "kB", "MB", "GB", "TB"][step]}`;
}
