// Rows of figures. In: samples. Out: "median (min-max)", with the goal beside it and whether it is met, as Markdown.
// Always true: a figure that is missing is shown as missing, and its goal as not met.
import { median, type Samples } from './samples.js'

export interface Row {
  readonly title: string
  readonly figure: string
  readonly goal?: { readonly text: string; readonly isMet: boolean }
}

type Show = (value: number) => string
interface Limit {
  readonly least?: number
  readonly most?: number
}

const MISSING = 'not measured'

export const three: Show = value => {
  if (!Number.isFinite(value)) return MISSING
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))
}
export const percent: Show = value => (Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : MISSING)
export const time: Show = value => {
  if (!Number.isFinite(value)) return MISSING
  if (value >= 1) return `${three(value)} s`
  return value >= 1e-3 ? `${three(value * 1e3)} ms` : `${three(value * 1e6)} us`
}

const spread = (values: readonly number[], show: Show): string => {
  if (values.length === 0) return MISSING
  if (values.length === 1) return show(median(values))
  return `${show(median(values))} (${show(Math.min(...values))} - ${show(Math.max(...values))})`
}

const goalOf = (value: number, { least, most }: Limit, show: Show): Pick<Row, 'goal'> => {
  if (least !== undefined) return { goal: { text: `>= ${show(least)}`, isMet: value >= least } }
  if (most !== undefined) return { goal: { text: `<= ${show(most)}`, isMet: value <= most } }
  return {}
}

/** Durations; those of `count` things that were done in them. */
export const took = (title: string, values: readonly number[], count = 1, limit: Limit = {}): Row => {
  const each = values.map(value => value / count)
  return { title, figure: spread(each, time), ...goalOf(median(each), limit, time) }
}

export const share = (title: string, values: readonly number[], limit: Limit = {}): Row => ({
  title,
  figure: spread(values, percent),
  ...goalOf(median(values), limit, percent),
})

/** Of medians, which stand beside it. */
export const ratio = (title: string, samples: Samples, above: string, below: string, limit: Limit = {}): Row => {
  const [over, under] = [samples.median(above), samples.median(below)]
  return {
    title,
    figure: `${three(over / under)} x (${time(over)} against ${time(under)})`,
    ...goalOf(over / under, limit, value => `${three(value)} x`),
  }
}

/** Never slower than the loop that it replaces: `factor` x loop + `plusSeconds`. */
export const bound = (
  title: string,
  samples: Samples,
  ours: string,
  loop: string,
  { factor, plusSeconds }: { readonly factor: number; readonly plusSeconds: number },
): Row => {
  const [seconds, loopSeconds] = [samples.median(ours), samples.median(loop)]
  const most = factor * loopSeconds + plusSeconds
  const factorText = factor === 1 ? '' : `${factor} x `
  return {
    title,
    figure: `${time(seconds)} against ${time(loopSeconds)}: ${three(seconds / loopSeconds)} x`,
    goal: { text: `<= ${factorText}that + ${time(plusSeconds)} = ${time(most)}`, isMet: seconds <= most },
  }
}

const line = (row: Row): string => {
  const verdict = row.goal === undefined ? '' : row.goal.isMet ? 'met' : '**not met**'
  return `| ${row.title} | ${row.figure} | ${row.goal?.text ?? ''} | ${verdict} |`
}

export const toTable = (rows: readonly Row[]): string =>
  ['| | measured | goal | |', '| --- | --- | --- | --- |', ...rows.map(line)].join('\n')
