// Efficiency against grain, as text for terminals and as SVG. In: lines of points. Out: a drawing; x is logarithmic. Pure.
import type { GrainPoint } from './metg.js'
import { time } from './table.js'

export interface ChartLine {
  readonly title: string
  /** A place for each grain; none where it was not measured. */
  readonly points: readonly (GrainPoint | undefined)[]
}

const MARKS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const STEP_PERCENT = 10
const COLUMN = 9

/** A letter for each line. */
export const textChart = (lines: readonly ChartLine[], grains: readonly number[]): string => {
  const rows: string[] = []
  for (let level = 100; level >= 0; level -= STEP_PERCENT) {
    const cells = grains.map((_, column) => {
      const here = lines.flatMap(({ points }, nth) => {
        const at = Math.min(100, 100 * (points[column]?.efficiency ?? Number.NaN))
        return Math.round(at / STEP_PERCENT) * STEP_PERCENT === level ? [MARKS[nth] ?? '?'] : []
      })
      return here
        .join('')
        .slice(0, COLUMN - 1)
        .padEnd(COLUMN)
    })
    rows.push(`${String(level).padStart(4)} % | ${cells.join('')}`.trimEnd())
  }
  rows.push(`       +-${'-'.repeat(COLUMN * grains.length)}`)
  rows.push(`         ${grains.map(grain => time(grain).padEnd(COLUMN)).join('')}`.trimEnd())
  return [...rows, ...lines.map(({ title }, nth) => `         ${MARKS[nth]} ${title}`)].join('\n')
}

const WIDTH = 760
const HEIGHT = 380
const LEFT = 50
const RIGHT = 240
const TOP = 20
const BOTTOM = 40
/** Ten that stay apart, also for most who see fewer colours. */
const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#000000',
  '#999999',
  '#8c510a',
  '#5e3c99',
]

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;')

export const svgChart = (title: string, lines: readonly ChartLine[], grains: readonly number[]): string => {
  const [first, last] = [Math.log(grains[0] ?? 1), Math.log(grains.at(-1) ?? 1)]
  const x = (grain: number): number => LEFT + ((Math.log(grain) - first) / (last - first)) * (WIDTH - LEFT - RIGHT)
  const y = (efficiency: number): number => HEIGHT - BOTTOM - Math.min(1.05, efficiency) * (HEIGHT - TOP - BOTTOM)
  const at = (value: number): string => value.toFixed(1)
  const text = (left: number, top: number, anchor: string, content: string): string =>
    `<text x="${at(left)}" y="${at(top)}" text-anchor="${anchor}">${escaped(content)}</text>`
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap(level => [
    `<path d="M${LEFT} ${at(y(level))}H${WIDTH - RIGHT}" stroke="${level === 0.5 ? '#888' : '#ddd'}"/>`,
    text(LEFT - 6, y(level) + 4, 'end', `${100 * level} %`),
  ])
  const axis = grains.map(grain => text(x(grain), HEIGHT - BOTTOM + 18, 'middle', time(grain)))
  const drawn = lines.flatMap(({ title: name, points }, nth) => {
    const colour = COLOURS[nth % COLOURS.length]
    const dash = nth >= COLOURS.length ? ' stroke-dasharray="4 3"' : ''
    const path = points
      .flatMap(point => (point === undefined ? [] : `${at(x(point.grainSeconds))},${at(y(point.efficiency))}`))
      .join(' ')
    const legend = TOP + 10 + 18 * nth
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
      `<path d="M${WIDTH - RIGHT + 14} ${legend - 4}h18" stroke="${colour}" stroke-width="2"${dash}/>`,
      text(WIDTH - RIGHT + 38, legend, 'start', name),
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...grid,
    ...axis,
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}
