// Line plots as SVG: panels side by side, each with its axes; enough for a report, and nothing to install.

export interface Series {
  readonly name: string;
  /** In the order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Axis {
  readonly label: string;
  /** Where it begins and ends; a logarithmic one begins above 0. */
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  readonly log?: boolean;
}

export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly panels: readonly { readonly title: string; readonly series: readonly Series[] }[];
}

const [WIDTH, HEIGHT, LEFT, TOP, GAP] = [260, 200, 56, 48, 28];
const COLOURS = ["#0b6bcb", "#c2410c", "#4d7c0f", "#7e22ce", "#525252"];
const STYLE = "text{font:12px system-ui,sans-serif;fill:#222}.g{stroke:#ddd}.l{fill:none;stroke-width:2}";

export function plotSvg({ title, x, y, panels }: Plot): string {
  const names = [...new Set(panels.flatMap(({ series }) => series.map(({ name }) => name)))];
  const colour = (name: string): string => COLOURS[names.indexOf(name) % COLOURS.length] ?? "#000";
  const width = LEFT + panels.length * (WIDTH + GAP);
  const height = TOP + HEIGHT + 64;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img"><title>${escaped(title)}</title><style>${STYLE}</style>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(LEFT, 18, title, 'font-weight="bold"'),
    text(14, TOP + HEIGHT / 2, y.label, `text-anchor="middle" transform="rotate(-90 14 ${TOP + HEIGHT / 2})"`),
    ...names.map((name, n) => text(LEFT + n * 150, height - 8, `— ${name}`, `style="fill:${colour(name)}"`)),
  ];
  for (const [n, panel] of panels.entries()) {
    const left = LEFT + n * (WIDTH + GAP);
    const at = (px: number, py: number): string =>
      `${round(left + place(x, px) * WIDTH)},${round(TOP + (1 - place(y, py)) * HEIGHT)}`;
    parts.push(text(left, TOP - 8, panel.title), ...grid(x, y, left, n === 0));
    for (const { name, points } of panel.series) {
      const line = points.map(([px, py]) => at(px, py)).join(" ");
      parts.push(`<polyline class="l" stroke="${colour(name)}" points="${line}"/>`);
    }
  }
  return `${parts.join("\n")}\n</svg>\n`;
}

function grid(x: Axis, y: Axis, left: number, hasNumbers: boolean): readonly string[] {
  const bottom = TOP + HEIGHT;
  return [
    ...x.ticks.flatMap((tick) => {
      const px = round(left + place(x, tick) * WIDTH);
      return [line(px, TOP, px, bottom), text(px, bottom + 16, String(tick), 'text-anchor="middle"')];
    }),
    ...y.ticks.flatMap((tick) => {
      const py = round(TOP + (1 - place(y, tick)) * HEIGHT);
      const number = text(left - 6, py + 4, String(tick), 'text-anchor="end"');
      return [line(left, py, left + WIDTH, py), ...(hasNumbers ? [number] : [])];
    }),
    text(left + WIDTH / 2, bottom + 34, x.label, 'text-anchor="middle"'),
  ];
}

/** Share of the axis, within it. */
function place({ from, to, log = false }: Axis, value: number): number {
  const of = (number: number): number => (log ? Math.log(Math.max(number, from)) : number);
  return Math.min(1, Math.max(0, (of(value) - of(from)) / (of(to) - of(from))));
}

const line = (x1: number, y1: number, x2: number, y2: number): string =>
  `<line class="g" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
const text = (x: number, y: number, content: string, more = ""): string =>
  `<text x="${x}" y="${y}" ${more}>${escaped(content)}</text>`;
const escaped = (content: string): string => content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const round = (number: number): number => Number(number.toFixed(1));

/** What share of the numbers is not above each of them, in at most `most` points. */
export function distribution(numbers: readonly number[], most = 200): Series["points"] {
  const sorted = numbers.toSorted((a, b) => a - b);
  const step = Math.max(1, Math.floor(sorted.length / most));
  return sorted.flatMap((value, at) =>
    at % step === 0 || at === sorted.length - 1 ? [[value, (at + 1) / sorted.length] as const] : [],
  );
}
