// Figures and the table that shows them. In: samples. Out: rows of "median (min-max)", with a goal where there is one.

export interface Row {
  readonly title: string
  readonly figure: string
  readonly goal: string
}

interface Sample {
  readonly seconds: number
  readonly efficiency?: number
}

/** `least` or `most`: what the figure should be. */
interface Goal {
  readonly least?: number
  readonly most?: number
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >>> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

export class Samples {
  readonly #samples = new Map<string, Sample[]>()

  add(id: string, sample: Sample): void {
    const samples = this.#samples.get(id)
    if (samples === undefined) this.#samples.set(id, [sample])
    else samples.push(sample)
  }

  values(id: string): number[] {
    return (this.#samples.get(id) ?? []).map(sample => sample.seconds)
  }

  efficiencies(id: string): number[] {
    return (this.#samples.get(id) ?? []).map(sample => sample.efficiency ?? Number.NaN)
  }

  median(id: string): number {
    return median(this.values(id))
  }

  toJSON(): object {
    return Object.fromEntries(this.#samples)
  }
}

const figureOf = (values: readonly number[], show: (value: number) => string): string =>
  `${show(median(values))} (${show(Math.min(...values))}-${show(Math.max(...values))})`

const goalOf = (value: number, { least, most }: Goal, show: (value: number) => string): string => {
  if (least !== undefined) return `>= ${show(least)}: ${value >= least ? 'met' : 'MISSED'}`
  if (most !== undefined) return `<= ${show(most)}: ${value <= most ? 'met' : 'MISSED'}`
  return ''
}

const three = (value: number): string => value.toPrecision(3)
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`

export const seconds = (title: string, values: readonly number[]): Row => ({
  title,
  figure: `${figureOf(values, three)} s`,
  goal: '',
})

export const perItem = (title: string, values: readonly number[], items: number): Row => {
  const microseconds = values.map(value => (value / items) * 1e6)
  return { title, figure: `${figureOf(microseconds, three)} us an item`, goal: '' }
}

export const share = (title: string, values: readonly number[], goal: Goal = {}): Row => ({
  title,
  figure: figureOf(values, percent),
  goal: goalOf(median(values), goal, percent),
})

/** Of medians. */
export const ratio = (title: string, samples: Samples, above: string, below: string, goal: Goal = {}): Row => {
  const value = samples.median(above) / samples.median(below)
  return { title, figure: `**${three(value)}**`, goal: goalOf(value, goal, String) }
}

export const toMarkdown = (title: string, rows: readonly Row[]): string =>
  [
    `## ${title}`,
    '',
    '| | median (min-max) | goal |',
    '| --- | --- | --- |',
    ...rows.map(row => `| ${row.title} | ${row.figure} | ${row.goal} |`),
    '',
  ].join('\n')
