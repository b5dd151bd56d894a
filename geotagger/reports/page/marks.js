// What stands on the map: single photos, clusters, the chosen photo with its circle.

const markPx = (mark) => (mark.ids.length === 1 ? 8 : Math.min(26, 10.5 + 1.5 * Math.log2(mark.ids.length)));

function drawMarks(view) {
  const { pen, colours, columns } = view;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (const mark of [...view.marks].reverse()) {
    const [x, y] = view.at(mark.x, mark.y);
    if (x < -30 || y < -30 || x > view.width + 30 || y > view.height + 30) continue;
    if (mark.ids.length > 1) drawCluster(view, mark, x, y);
    else if (mark.ids[0] !== view.chosen) drawSymbol(pen, x, y, 6.5, kindOf(columns, mark.ids[0]), colours);
  }
}

/** What a photo's mark shows: the decision on it where there is one, else its status. */
function kindOf(columns, id) {
  return columns.state[id] ? STATES[columns.state[id]] : columns.statuses[columns.status[id]];
}

function drawCluster(view, mark, x, y) {
  const { pen, colours, columns } = view;
  const size = markPx(mark);
  pen.beginPath();
  pen.arc(x, y, size + 2.5, 0, 7);
  pen.fillStyle = colours.paper;
  pen.fill();
  pen.beginPath();
  pen.arc(x, y, size, 0, 7);
  pen.fillStyle = colours.accent;
  pen.fill();
  if (view.reviewing) {
    const decided = mark.ids.reduce((sum, id) => sum + (columns.state[id] > 0), 0) / mark.ids.length;
    pen.beginPath();
    pen.arc(x, y, size + 1.4, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * decided);
    pen.strokeStyle = colours.approved;
    pen.lineWidth = 3.2;
    pen.stroke();
  }
  const text = mark.ids.length < 10000 ? String(mark.ids.length) : `${Math.round(mark.ids.length / 1000)}k`;
  pen.font = `600 ${text.length > 3 ? 11 : 12}px system-ui, sans-serif`;
  pen.fillStyle = colours.paper;
  pen.fillText(text, x, y + 0.5);
}

/** A shape of its own for each kind, so that colour is never all that tells. */
function drawSymbol(pen, x, y, size, kind, colours) {
  pen.lineWidth = 2.4;
  pen.beginPath();
  if (kind === "tagged") polygon(pen, [[x, y - size - 1.5], [x + size + 1.5, y], [x, y + size + 1.5], [x - size - 1.5, y]]);
  else if (kind === "failed") polygon(pen, [[x, y - size - 1], [x + size + 1, y + size - 0.5], [x - size - 1, y + size - 0.5]]);
  else if (kind === "skipped") pen.rect(x - size, y - 2.5, 2 * size, 5);
  else pen.arc(x, y, size, 0, 7);
  pen.fillStyle = kind === "unsure" ? colours.paper : colours[kind];
  pen.strokeStyle = kind === "unsure" ? colours.unsure : colours.paper;
  if (kind === "unsure") pen.setLineDash([3, 2.1]);
  else pen.stroke();
  pen.fill();
  if (kind === "unsure") pen.stroke();
  pen.setLineDash([]);
  pen.strokeStyle = colours.paper;
  pen.lineWidth = 1.8;
  pen.beginPath();
  if (kind === "approved") lines(pen, [[[x - 3.2, y + 0.2], [x - 0.8, y + 2.8], [x + 3.4, y - 2.6]]]);
  if (kind === "rejected") lines(pen, [[[x - 2.6, y - 2.6], [x + 2.6, y + 2.6]], [[x + 2.6, y - 2.6], [x - 2.6, y + 2.6]]]);
  if (kind === "corrected") lines(pen, [[[x, y - 3.4], [x, y + 3.4]], [[x - 3.4, y], [x + 3.4, y]]]);
  if (kind === "failed") lines(pen, [[[x, y - 2.6], [x, y + 1.4]], [[x, y + 3], [x, y + 4.4]]]);
  pen.stroke();
}

function polygon(pen, corners) {
  lines(pen, [corners]);
  pen.closePath();
}

function lines(pen, all) {
  for (const line of all) line.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
}

/** The circle of the chosen photo, its own GPS and the way there. */
function drawChosenBelow(view) {
  const { pen, colours, columns, chosen, proposal } = view;
  const pin = view.pin();
  if (!pin) return;
  const lat = proposal ? proposal.lat : columns.lat[chosen];
  const lon = proposal ? proposal.lon : columns.lon[chosen];
  const radiusKm = proposal ? proposal.radius_km : columns.radius_km[chosen];
  if (radiusKm > 0) drawCircle(view, lat, lon, radiusKm);
  if (chosen !== null && !Number.isNaN(columns.gps_lat[chosen])) {
    const gps = view.at(worldX(columns.gps_lon[chosen]), worldY(columns.gps_lat[chosen]));
    pen.beginPath();
    lines(pen, [[view.at(...pin), gps]]);
    pen.setLineDash([2, 4]);
    pen.lineWidth = 1.5;
    pen.strokeStyle = colours.ink;
    pen.stroke();
    pen.setLineDash([]);
  }
}

function drawCircle(view, lat, lon, radiusKm) {
  const { pen, colours } = view;
  const outline = circleOutline(lat, lon, radiusKm);
  pen.beginPath();
  for (let world = -2; world <= 2; world++) {
    outline.forEach(([east, north], i) => {
      const x = (worldX(east) + world - view.x) * view.px + view.width / 2;
      const y = (worldY(north) - view.y) * view.px + view.height / 2;
      if (i) pen.lineTo(x, y);
      else pen.moveTo(x, y);
    });
    pen.closePath();
  }
  pen.globalAlpha = 0.13;
  pen.fillStyle = colours.circle;
  pen.fill();
  pen.globalAlpha = 0.9;
  pen.strokeStyle = colours.circle;
  pen.lineWidth = 1.4;
  pen.setLineDash([6, 4]);
  pen.stroke();
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

function drawChosenAbove(view) {
  const { pen, colours, columns, chosen, proposal } = view;
  if (chosen === null && !proposal) return;
  const at = view.pin() && view.at(...view.pin());
  view.alternatives.forEach((place, i) => {
    const [x, y] = view.at(worldX(place.lon), worldY(place.lat));
    if (at && Math.hypot(x - at[0], y - at[1]) < 8) return;
    pen.beginPath();
    pen.arc(x, y, 9.5, 0, 7);
    pen.fillStyle = colours.paper;
    pen.strokeStyle = colours.circle;
    pen.lineWidth = 1.8;
    pen.fill();
    pen.stroke();
    pen.font = "600 11px system-ui, sans-serif";
    pen.fillStyle = colours.ink;
    pen.fillText(String(i + 1), x, y + 0.5);
  });
  if (chosen !== null && !Number.isNaN(columns.gps_lat[chosen])) {
    const [x, y] = view.at(worldX(columns.gps_lon[chosen]), worldY(columns.gps_lat[chosen]));
    for (const [colour, width] of [[colours.paper, 6], [colours.ink, 2.6]]) {
      pen.beginPath();
      lines(pen, [[[x - 7, y], [x + 7, y]], [[x, y - 7], [x, y + 7]]]);
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.stroke();
    }
  }
  const pin = view.pin();
  if (pin) drawPin(view, ...view.at(...pin), proposal ? "corrected" : kindOf(columns, chosen));
}

function drawPin(view, x, y, kind) {
  const { pen, colours } = view;
  pen.beginPath();
  pen.moveTo(x, y);
  pen.bezierCurveTo(x - 5, y - 10, x - 11, y - 14, x - 11, y - 22);
  pen.arc(x, y - 22, 11, Math.PI, 0);
  pen.bezierCurveTo(x + 11, y - 14, x + 5, y - 10, x, y);
  pen.fillStyle = colours.circle;
  pen.strokeStyle = colours.paper;
  pen.lineWidth = 2;
  pen.fill();
  pen.stroke();
  pen.beginPath();
  pen.arc(x, y - 22, 8.2, 0, 7);
  pen.fillStyle = colours.paper;
  pen.fill();
  drawSymbol(pen, x, y - 22, 5, kind, colours);
}

/** Where Enter chooses, for people who move the map by keys. */
function drawCross(view) {
  const { pen, colours } = view;
  const [x, y] = [view.width / 2, view.height / 2];
  for (const [colour, width] of [[colours.paper, 5], [colours.ink, 1.6]]) {
    pen.beginPath();
    lines(pen, [[[x - 16, y], [x - 5, y]], [[x + 5, y], [x + 16, y]], [[x, y - 16], [x, y - 5]], [[x, y + 5], [x, y + 16]]]);
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.stroke();
  }
}
