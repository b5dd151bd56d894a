// Draws the marks on the map: photos, clusters, the chosen photo with its circle.

const markPx = (mark) => (mark.ids.length === 1 ? 8 : Math.min(26, 10.5 + 1.5 * Math.log2(mark.ids.length)));

function drawMarks(view) {
  const { context, colours, columns } = view;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const mark of [...view.marks].reverse()) {
    const [x, y] = view.at(mark.x, mark.y);
    if (x < -30 || y < -30 || x > view.width + 30 || y > view.height + 30) continue;
    if (mark.ids.length > 1) drawCluster(view, mark, x, y);
    else if (mark.ids[0] !== view.chosen) drawSymbol(context, x, y, 6.5, kindOf(columns, mark.ids[0]), colours);
  }
}

/** The kind of a photo's mark: its decision, or without one its status. */
function kindOf(columns, id) {
  return columns.state[id] ? STATES[columns.state[id]] : columns.statuses[columns.status[id]];
}

function drawCluster(view, mark, x, y) {
  const { context, colours, columns } = view;
  const size = markPx(mark);
  context.beginPath();
  context.arc(x, y, size + 2.5, 0, 7);
  context.fillStyle = colours.paper;
  context.fill();
  context.beginPath();
  context.arc(x, y, size, 0, 7);
  context.fillStyle = colours.accent;
  context.fill();
  if (view.reviewing) {
    const decided = mark.ids.reduce((sum, id) => sum + (columns.state[id] > 0), 0) / mark.ids.length;
    context.beginPath();
    context.arc(x, y, size + 1.4, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * decided);
    context.strokeStyle = colours.approved;
    context.lineWidth = 3.2;
    context.stroke();
  }
  const text = mark.ids.length < 10000 ? String(mark.ids.length) : `${Math.round(mark.ids.length / 1000)}k`;
  context.font = `600 ${text.length > 3 ? 11 : 12}px system-ui, sans-serif`;
  context.fillStyle = colours.paper;
  context.fillText(text, x, y + 0.5);
}

/** Each kind has its own shape, so that colour is not needed to distinguish them. */
function drawSymbol(context, x, y, size, kind, colours) {
  context.lineWidth = 2.4;
  context.beginPath();
  if (kind === "tagged") polygon(context, [[x, y - size - 1.5], [x + size + 1.5, y], [x, y + size + 1.5], [x - size - 1.5, y]]);
  else if (kind === "failed") polygon(context, [[x, y - size - 1], [x + size + 1, y + size - 0.5], [x - size - 1, y + size - 0.5]]);
  else if (kind === "skipped") context.rect(x - size, y - 2.5, 2 * size, 5);
  else context.arc(x, y, size, 0, 7);
  context.fillStyle = kind === "unsure" ? colours.paper : colours[kind];
  context.strokeStyle = kind === "unsure" ? colours.unsure : colours.paper;
  if (kind === "unsure") context.setLineDash([3, 2.1]);
  else context.stroke();
  context.fill();
  if (kind === "unsure") context.stroke();
  context.setLineDash([]);
  context.strokeStyle = colours.paper;
  context.lineWidth = 1.8;
  context.beginPath();
  if (kind === "approved") lines(context, [[[x - 3.2, y + 0.2], [x - 0.8, y + 2.8], [x + 3.4, y - 2.6]]]);
  if (kind === "rejected") lines(context, [[[x - 2.6, y - 2.6], [x + 2.6, y + 2.6]], [[x + 2.6, y - 2.6], [x - 2.6, y + 2.6]]]);
  if (kind === "corrected") lines(context, [[[x, y - 3.4], [x, y + 3.4]], [[x - 3.4, y], [x + 3.4, y]]]);
  if (kind === "failed") lines(context, [[[x, y - 2.6], [x, y + 1.4]], [[x, y + 3], [x, y + 4.4]]]);
  context.stroke();
}

function polygon(context, corners) {
  lines(context, [corners]);
  context.closePath();
}

function lines(context, all) {
  for (const line of all) line.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
}

/** The circle of the chosen photo, its measured GPS, and the line between them. */
function drawChosenBelow(view) {
  const { context, colours, columns, chosen, proposal } = view;
  const pin = view.pin();
  if (!pin) return;
  const lat = proposal ? proposal.lat : columns.lat[chosen];
  const lon = proposal ? proposal.lon : columns.lon[chosen];
  const radiusKm = proposal ? proposal.radius_km : columns.radius_km[chosen];
  if (radiusKm > 0) drawCircle(view, lat, lon, radiusKm);
  if (chosen !== null && !Number.isNaN(columns.gps_lat[chosen])) {
    const gps = view.at(worldX(columns.gps_lon[chosen]), worldY(columns.gps_lat[chosen]));
    context.beginPath();
    lines(context, [[view.at(...pin), gps]]);
    context.setLineDash([2, 4]);
    context.lineWidth = 1.5;
    context.strokeStyle = colours.ink;
    context.stroke();
    context.setLineDash([]);
  }
}

function drawCircle(view, lat, lon, radiusKm) {
  const { context, colours } = view;
  const outline = circleOutline(lat, lon, radiusKm);
  context.beginPath();
  for (let world = -2; world <= 2; world++) {
    outline.forEach(([east, north], i) => {
      const x = (worldX(east) + world - view.x) * view.px + view.width / 2;
      const y = (worldY(north) - view.y) * view.px + view.height / 2;
      if (i) context.lineTo(x, y);
      else context.moveTo(x, y);
    });
    context.closePath();
  }
  context.globalAlpha = 0.13;
  context.fillStyle = colours.circle;
  context.fill();
  context.globalAlpha = 0.9;
  context.strokeStyle = colours.circle;
  context.lineWidth = 1.4;
  context.setLineDash([6, 4]);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function drawChosenAbove(view) {
  const { context, colours, columns, chosen, proposal } = view;
  if (chosen === null && !proposal) return;
  const at = view.pin() && view.at(...view.pin());
  view.alternatives.forEach((place, i) => {
    const [x, y] = view.at(worldX(place.lon), worldY(place.lat));
    if (at && Math.hypot(x - at[0], y - at[1]) < 8) return;
    context.beginPath();
    context.arc(x, y, 9.5, 0, 7);
    context.fillStyle = colours.paper;
    context.strokeStyle = colours.circle;
    context.lineWidth = 1.8;
    context.fill();
    context.stroke();
    context.font = "600 11px system-ui, sans-serif";
    context.fillStyle = colours.ink;
    context.fillText(String(i + 1), x, y + 0.5);
  });
  if (chosen !== null && !Number.isNaN(columns.gps_lat[chosen])) {
    const [x, y] = view.at(worldX(columns.gps_lon[chosen]), worldY(columns.gps_lat[chosen]));
    for (const [colour, width] of [[colours.paper, 6], [colours.ink, 2.6]]) {
      context.beginPath();
      lines(context, [[[x - 7, y], [x + 7, y]], [[x, y - 7], [x, y + 7]]]);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
  }
  const pin = view.pin();
  if (pin) drawPin(view, ...view.at(...pin), proposal ? "corrected" : kindOf(columns, chosen));
}

function drawPin(view, x, y, kind) {
  const { context, colours } = view;
  context.beginPath();
  context.moveTo(x, y);
  context.bezierCurveTo(x - 5, y - 10, x - 11, y - 14, x - 11, y - 22);
  context.arc(x, y - 22, 11, Math.PI, 0);
  context.bezierCurveTo(x + 11, y - 14, x + 5, y - 10, x, y);
  context.fillStyle = colours.circle;
  context.strokeStyle = colours.paper;
  context.lineWidth = 2;
  context.fill();
  context.stroke();
  context.beginPath();
  context.arc(x, y - 22, 8.2, 0, 7);
  context.fillStyle = colours.paper;
  context.fill();
  drawSymbol(context, x, y - 22, 5, kind, colours);
}

/** The cross at which Enter chooses, when the map is moved by keys. */
function drawCross(view) {
  const { context, colours } = view;
  const [x, y] = [view.width / 2, view.height / 2];
  for (const [colour, width] of [[colours.paper, 5], [colours.ink, 1.6]]) {
    context.beginPath();
    lines(context, [[[x - 16, y], [x - 5, y]], [[x + 5, y], [x + 16, y]], [[x, y - 16], [x, y - 5]], [[x, y + 5], [x, y + 16]]]);
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
  }
}
